//! A text with credentials in it, which are filled in where it is used.

use crate::names::PartName;

/// A variable whose value holds credentials: it stands in no compose file, only in an env file of mode 0600.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretVariable {
    /// Texts and credentials, in their order.
    pub pieces: Vec<VariablePiece>,
}

/// A piece of such a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VariablePiece {
    /// Characters that mean themselves.
    Text(String),
    /// What stands for a credential.
    Credential(Credential),
}

/// A credential of a service, in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The service.
    pub service: PartName,
    /// The credential's name.
    pub name: String,
    /// How it is written there.
    pub form: Form,
}

/// How a credential is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Plain,
    /// Percent-encoded: in a URL, it may have characters that would end its part.
    Percent,
}

/// What ends a URL in a longer text.
const ENDS_A_URL: [char; 6] = [' ', '\t', '\n', '"', '\'', ';'];

impl SecretVariable {
    /// A text in which `{password}` is a credential of `service`.
    #[must_use]
    pub fn of(service: &PartName, template: &str) -> Self {
        let mut text = Self::default();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((hole, behind)) = after.split_once('}') else { break };
            text.push_text(before);
            text.push_credential(service, hole);
            rest = behind;
        }
        text.push_text(rest);
        text
    }

    /// Goes on with characters that mean themselves.
    pub fn push_text(&mut self, more: &str) {
        match self.pieces.last_mut() {
            _ if more.is_empty() => {}
            Some(VariablePiece::Text(text)) => text.push_str(more),
            _ => self.pieces.push(VariablePiece::Text(more.to_owned())),
        }
    }

    /// Goes on with a credential.
    pub fn push_credential(&mut self, service: &PartName, name: &str) {
        let form = if self.is_in_url() { Form::Percent } else { Form::Plain };
        self.pieces.push(VariablePiece::Credential(Credential {
            service: service.clone(),
            name: name.to_owned(),
            form,
        }));
    }

    /// Goes on with another text. A credential in it that stands for itself is written as is right here.
    pub fn push(&mut self, more: &Self) {
        for piece in &more.pieces {
            match piece {
                VariablePiece::Text(text) => self.push_text(text),
                VariablePiece::Credential(Credential { form: Form::Plain, service, name }) => {
                    self.push_credential(service, name);
                }
                encoded @ VariablePiece::Credential(_) => self.pieces.push(encoded.clone()),
            }
        }
    }

    /// Whether what comes next belongs to a URL.
    fn is_in_url(&self) -> bool {
        for piece in self.pieces.iter().rev() {
            let VariablePiece::Text(text) = piece else { continue };
            let word = text.rsplit(ENDS_A_URL).next().unwrap_or_default();
            if word.contains("://") || word.len() < text.len() {
                return word.contains("://");
            }
        }
        false
    }

    /// The credentials in it.
    pub fn credentials(&self) -> impl Iterator<Item = &Credential> {
        self.pieces.iter().filter_map(|piece| match piece {
            VariablePiece::Credential(credential) => Some(credential),
            VariablePiece::Text(_) => None,
        })
    }

    /// The credential that is all of it.
    #[must_use]
    pub fn only(&self) -> Option<&Credential> {
        match self.pieces.as_slice() {
            [VariablePiece::Credential(credential)] => Some(credential),
            _ => None,
        }
    }

    /// The text, where it has no credential.
    #[must_use]
    pub fn plain(&self) -> Option<String> {
        match self.pieces.as_slice() {
            [] => Some(String::new()),
            [VariablePiece::Text(text)] => Some(text.clone()),
            _ => None,
        }
    }

    /// The text with its credentials; one that has no value stays as it was written.
    #[must_use]
    pub fn filled(&self, value: impl Fn(&Credential) -> Option<String>) -> String {
        let piece = |piece: &VariablePiece| match piece {
            VariablePiece::Text(text) => text.clone(),
            VariablePiece::Credential(credential) => {
                value(credential).unwrap_or_else(|| format!("{{{}}}", credential.name))
            }
        };
        self.pieces.iter().map(piece).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> PartName {
        PartName::new(text).unwrap()
    }

    fn shown(text: &SecretVariable) -> String {
        text.filled(|credential| {
            let form = if credential.form == Form::Percent { "%" } else { "" };
            Some(format!("<{}.{}{form}>", credential.service, credential.name))
        })
    }

    #[test]
    fn a_template_falls_into_text_and_credentials() {
        let text = |template: &str| shown(&SecretVariable::of(&name("db"), template));
        assert_eq!(text("{password}"), "<db.password>");
        assert_eq!(text("db://{user}:{password}@db/x"), "db://<db.user%>:<db.password%>@db/x");
        assert_eq!(text("{"), "{");
        assert_eq!(text(""), "");
    }

    #[test]
    fn a_credential_is_encoded_where_it_is_part_of_a_url() {
        let mut text = SecretVariable::default();
        text.push_text("host=db password=");
        text.push_credential(&name("db"), "password");
        text.push_text(" url=\"db://");
        text.push_credential(&name("db"), "user");
        text.push_text("@db?p=");
        text.push_credential(&name("cache"), "password");
        text.push_text("\" pass=");
        text.push(&SecretVariable::of(&name("db"), "{password}"));
        let expected =
            "host=db password=<db.password> url=\"db://<db.user%>@db?p=<cache.password%>\" pass=<db.password>";
        assert_eq!(shown(&text), expected);
        // A whole URL is filled in as it is, and what follows belongs to it.
        let mut text = SecretVariable::default();
        text.push(&SecretVariable::of(&name("db"), "db://{user}@db"));
        text.push_text("?p=");
        text.push(&SecretVariable::of(&name("db"), "{password}"));
        assert_eq!(shown(&text), "db://<db.user%>@db?p=<db.password%>");
    }
}
