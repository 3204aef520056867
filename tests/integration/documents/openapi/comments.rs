//! The comments of the proto file, as Markdown.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, FileDescriptor};

use super::PACKAGE;

/// The comment before each element, by its file and its path in the descriptor.
pub(super) struct Comments {
    texts: HashMap<(String, Vec<i32>), String>,
    pool: DescriptorPool,
}

impl Comments {
    pub(super) fn new(pool: &DescriptorPool) -> Self {
        let mut texts = HashMap::new();
        for file in pool.files() {
            let source = file.file_descriptor_proto().source_code_info.iter();
            for location in source.flat_map(|source| &source.location) {
                let text = markdown(location.leading_comments());
                texts.insert((file.name().to_owned(), location.path.clone()), text);
            }
        }
        Self { texts, pool: pool.clone() }
    }

    /// The comment of an element, or nothing.
    pub(super) fn of(&self, file: &FileDescriptor, path: &[i32]) -> String {
        let text = self.texts.get(&(file.name().to_owned(), path.to_vec())).cloned().unwrap_or_default();
        self.followed(&text).unwrap_or(text)
    }

    /// The comment at the top of a file.
    pub(super) fn of_file(&self, file: &FileDescriptor) -> String {
        // The number of `syntax` in google.protobuf.FileDescriptorProto.
        self.of(file, &[12])
    }

    /// What "As Message.field." refers to, with what follows.
    fn followed(&self, text: &str) -> Option<String> {
        let (reference, rest) = text.strip_prefix("As ")?.split_once(['\n', ' ']).unwrap_or((&text[3..], ""));
        let (message, field) = reference.strip_suffix('.')?.split_once('.')?;
        let message = self.pool.get_message_by_name(&format!("{PACKAGE}.{message}"))?;
        let field = message.get_field_by_name(field)?;
        let text = self.of(&message.parent_file(), field.path());
        Some(format!("{text} {rest}").trim_end().to_owned())
    }
}

/// Joins the lines of each paragraph and of each item of a list.
fn markdown(comment: &str) -> String {
    let mut text = String::new();
    for line in comment.lines().map(str::trim) {
        if line.is_empty() {
            text += "\n\n";
        } else {
            let is_item = line.starts_with("- ");
            let starts = text.is_empty() || text.ends_with('\n');
            if is_item && !starts {
                text += if text.contains("\n- ") { "\n" } else { "\n\n" };
            } else if !starts {
                text += " ";
            }
            text += line;
        }
    }
    text.trim_end().to_owned()
}
