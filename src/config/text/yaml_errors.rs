//! Errors of the YAML parser, in words for people who do not know its grammar.

use std::ops::Range;

use granit_parser::{ErrorKind, ScanError};

use crate::config::problems::Finding;
use crate::config::text::place::{Span, Text};

/// The parser's error as a problem of text number `number`.
pub(crate) fn finding(error: &ScanError, number: usize, text: &Text) -> Finding {
    let at = error.marker().byte_offset().unwrap_or_default().min(text.text.len());
    let at = if text.text.get(at..).is_some_and(|rest| rest.trim().is_empty()) {
        end_of_content(&text.text, at)
    } else {
        at
    };
    let (start, line) = text.line_of(at);
    let tab = line.len() - line.trim_start_matches([' ', '\t']).len();
    let indentation = line.get(..tab).unwrap_or_default();
    if is_about_tabs(error.kind()) || (indentation.contains('\t') && at <= start + tab) {
        let first = start + line.find('\t').unwrap_or_default();
        return Finding::new(
            Span::new(number, first..(first + 1).min(text.text.len())),
            "a tab is used as indentation",
        )
        .label("tab")
        .help("indent with spaces");
    }
    let (message, help) = words(error.kind(), line, at - start.min(at));
    let finding = Finding::new(Span::new(number, one_character(&text.text, at)), message);
    match help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

fn is_about_tabs(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar
    )
}

/// The last character that says something, for errors that the end of the file brought out.
fn end_of_content(text: &str, at: usize) -> usize {
    let content = text.get(..at).unwrap_or_default().trim_end();
    content.char_indices().next_back().map_or(0, |(start, _)| start)
}

fn one_character(text: &str, at: usize) -> Range<usize> {
    let length = text.get(at..).and_then(|rest| rest.chars().next()).filter(|c| *c != '\n').map_or(0, char::len_utf8);
    at..at + length
}

type Words = (String, Option<&'static str>);

fn words(kind: &ErrorKind, line: &str, column: usize) -> Words {
    let say = |message: &str, help: &'static str| (message.to_owned(), Some(help));
    match kind {
        kind if is_unexpected_end(kind) && line.get(column..).is_some_and(|rest| rest.starts_with([',', ':'])) => {
            say("there is no value here", "remove the comma, or write a value")
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            let close = if *open == '[' { ']' } else { '}' };
            (
                format!("`{open}` is not closed"),
                Some(if close == ']' { "add the missing `]`" } else { "add the missing `}`" }),
            )
        }
        ErrorKind::UnexpectedEofFlowSequence => say("`[` is not closed", "add the missing `]`"),
        ErrorKind::UnexpectedEofFlowMapping | ErrorKind::UnexpectedEofImplicitFlowMapping => {
            say("`{` is not closed", "add the missing `}`")
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            (format!("`{open}` is closed by `{close}`"), Some("close brackets in the order in which they were opened"))
        }
        ErrorKind::MisplacedFlowCollectionEnd => {
            say("a bracket is closed that was not opened", "remove it, or quote the text")
        }
        ErrorKind::UnclosedQuotedScalar => say("a quote is not closed", "add the missing quote"),
        ErrorKind::InvalidQuotedScalarIndent | ErrorKind::DocumentIndicatorInQuotedScalar => {
            say("a quoted string is not closed, or continues with too little indentation", "add the missing quote")
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            say("there is more text after the closing quote", "put all of it inside the quotes")
        }
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidUnicodeEscape
        | ErrorKind::InvalidLowSurrogate
        | ErrorKind::InvalidLowSurrogateHexEscape
        | ErrorKind::MissingLowSurrogate
        | ErrorKind::UnpairedLowSurrogate => {
            say("a `\\` in double quotes does not start a known escape", "write `\\\\`, or use single quotes")
        }
        ErrorKind::UnexpectedCharacter { character: '`' } => {
            say("a string cannot start with a backtick", "put the text in quotes")
        }
        ErrorKind::ExpectedDocumentStart if line.starts_with('%') => {
            say("this `%` directive is not valid", "remove it, or quote a string that starts with `%`")
        }
        ErrorKind::ExpectedDocumentStart => say(
            "this line does not fit the lines above it",
            "check the indentation: keys that belong together start in the same column",
        ),
        ErrorKind::UnexpectedCharacter { character } => {
            (format!("a string cannot start with `{}`", character.escape_default()), Some("put the text in quotes"))
        }
        ErrorKind::PlainScalarStartsWithDashFlowIndicator => {
            say("`-` needs a space after it", "write `- ` for an item of a list")
        }
        ErrorKind::RecursionLimitExceeded => say(super::parse::TOO_DEEP, "a configuration needs fewer than ten levels"),
        ErrorKind::UndeclaredTagHandle
        | ErrorKind::InvalidTagTerminator
        | ErrorKind::MissingTagUri
        | ErrorKind::ExpectedTagBang => say("tags (`!`) are not supported", "put the text in quotes"),
        ErrorKind::MissingAnchorOrAliasName => say("`&` and `*` must be followed by a name", "put the text in quotes"),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement if inside_template(line, column) => {
            say("`${…}` with `: ` must be quoted", "put the text in quotes")
        }
        ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::InvalidColonPlacement
            if line.contains("${") =>
        {
            say("`${…}` must be quoted inside `[ ]` and `{ }`", "write \"${…}\"")
        }
        ErrorKind::ExpectedFlowSequenceSeparator => {
            say("expected `,` or `]`", "separate items with commas; quote strings with special characters")
        }
        ErrorKind::ExpectedFlowMappingSeparator => {
            say("expected `,` or `}`", "separate entries with commas; quote strings with special characters")
        }
        ErrorKind::InvalidColonPlacement => {
            say("`:` is not expected here", "is a bracket left open above? Quote a string that has `: `")
        }
        ErrorKind::MappingValueNotAllowed => {
            say("`:` is not expected here", "quote a string that has `: ` in it, and check the indentation")
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => say(
            "this line is not a `key: value` pair",
            "write `:` and a space after the key, and check the indentation",
        ),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::MappingKeyNotAllowed | ErrorKind::UnexpectedEofBlockMapping => {
            say("expected a `key:` here", "check the indentation: keys that belong together start in the same column")
        }
        ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::UnexpectedEofBlockSequence => say(
            "expected an item `- …` here",
            "check the indentation: items that belong together start in the same column",
        ),
        ErrorKind::BlockSequenceEntryNotAllowed
        | ErrorKind::BlockEntryInFlowCollection
        | ErrorKind::InvalidBlockEntryWhitespace => {
            say("an item `- …` is not allowed here", "start the list on a line of its own, below its key")
        }
        ErrorKind::InvalidIndentation | ErrorKind::InvalidBlockScalarIndent | ErrorKind::InvalidFlowScalarIndent => {
            say("the indentation of this line fits no line above", "indent it like its neighbours")
        }
        ErrorKind::CommentNotSeparated | ErrorKind::CommentInterceptedScalar => {
            say("`#` starts a comment in the wrong place", "put a space before `#`, or quote the text")
        }
        ErrorKind::InvalidDocumentEnd => say("there is text after `...`", "remove `...`: a file has one document"),
        ErrorKind::ZeroBlockScalarIndent | ErrorKind::InvalidBlockScalarHeader => {
            say("after `|` or `>` the text starts on the next line", "move the text to the next line, indented")
        }
        ErrorKind::BomInsideDocument => say("there is a byte order mark inside the file", "remove it"),
        kind if is_directive(kind) => {
            say("this `%` directive is not valid", "remove it, or quote a string that starts with `%`")
        }
        kind => (format!("this is not valid YAML: {kind}"), None),
    }
}

fn is_unexpected_end(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEofFlowSequence
            | ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::UnexpectedEofImplicitFlowMapping
            | ErrorKind::ExpectedNodeContent
    )
}

fn is_directive(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::DuplicateVersionDirective
            | ErrorKind::UnsupportedYamlMajorVersion
            | ErrorKind::DuplicateTagDirective
            | ErrorKind::ExpectedTagDirectiveBang
            | ErrorKind::InvalidDirectiveTerminator
            | ErrorKind::DirectiveDisallowed
            | ErrorKind::MissingYamlVersionSeparator
            | ErrorKind::MissingDirectiveName
            | ErrorKind::InvalidDirectiveName
            | ErrorKind::DirectiveByteLimitExceeded { .. }
            | ErrorKind::TooManyReservedDirectiveParams { .. }
            | ErrorKind::YamlVersionTooLong
            | ErrorKind::MissingYamlVersion
            | ErrorKind::InvalidTagDirectiveTerminator
            | ErrorKind::ExpectedDocumentStart
            | ErrorKind::MissingDocumentEndBeforeDirective
    )
}

/// True if byte `column` of the line is between `${` and its `}`.
fn inside_template(line: &str, column: usize) -> bool {
    let before = line.get(..column).unwrap_or_default();
    before.rfind("${").is_some_and(|open| !before[open..].contains('}'))
}
