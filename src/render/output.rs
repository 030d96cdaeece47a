//! What a template becomes, up to a limit: a template of a checkout may repeat itself without end.

use std::io;

/// The largest file that a template may become.
const MOST_BYTES: usize = 16 << 20;

/// What has been rendered so far.
#[derive(Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    is_full: bool,
}

impl Output {
    /// The whole text.
    pub(super) fn text(self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Refuses what was cut at the limit.
    pub(super) fn whole(&self, template: impl Fn() -> String) -> Result<(), RenderError> {
        if !self.is_full {
            return Ok(());
        }
        let problem = format!("it becomes larger than {} MiB", MOST_BYTES >> 20);
        Err(RenderError { template: template(), problem })
    }
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_full |= self.bytes.len() + bytes.len() > MOST_BYTES;
        if self.is_full {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why a template cannot be rendered.
#[derive(Debug, thiserror::Error)]
#[error("{template}: {problem}")]
pub struct RenderError {
    pub(crate) template: String,
    pub(crate) problem: String,
}

#[cfg(test)]
mod tests {
    use crate::render::render;

    #[test]
    fn a_template_that_repeats_itself_without_end_is_ended() {
        let text = "{% for a in range(end=100000) %}{% for b in range(end=100000) %}x{% endfor %}{% endfor %}";
        let error = render("compose/dev.yaml", text, &tera::Context::new()).unwrap_err();
        assert!(error.to_string().contains("it becomes larger than 16 MiB"), "{error}");
        assert_eq!(render("x", "{{ 1 }}", &tera::Context::new()).unwrap(), "1");
    }
}
