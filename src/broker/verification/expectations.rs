//! What is expected of an upload, and how it compares with what is stored.

use super::aspect::Aspect;
use super::comparison::{Comparison, Findings};
use super::content::{compare_checksum, compare_kinds};
use super::encryption::compare_encryption;
use crate::broker::decision::DecisionId;
use access_broker_policy::{Checksum, EntityTag, HeaderText, ImposedOnUploads, MetadataName, ObjectTags, StorageClass};
use access_broker_s3::storage::{InspectionScope, StoredMetadata, StoredObject};

/// What an uploaded object should be. `None` or empty means no expectation; see [`nothing_else`](Self::nothing_else).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Expectations {
    pub(crate) decision_id: Option<DecisionId>,
    /// The length in bytes.
    pub(crate) content_length: Option<u64>,
    /// The content type, compared byte for byte.
    pub(crate) content_type: Option<HeaderText>,
    pub(crate) checksum: Option<Checksum>,
    pub(crate) etag: Option<EntityTag>,
    pub(crate) metadata: Vec<(MetadataName, HeaderText)>,
    /// `Content-Disposition`
    pub(crate) content_disposition: Option<HeaderText>,
    /// `Content-Encoding`
    pub(crate) content_encoding: Option<HeaderText>,
    /// `Cache-Control`
    pub(crate) cache_control: Option<HeaderText>,
    pub(crate) tags: ObjectTags,
    pub(crate) storage_class: Option<StorageClass>,
    /// Whether the object must have no metadata, tags and content headers other than those of the expectations and the
    /// tier.
    pub(crate) nothing_else: bool,
}

impl Expectations {
    /// What must be read from S3 for the comparison.
    pub(super) fn inspection_scope(&self, imposed: &ImposedOnUploads) -> InspectionScope {
        if self.tags.is_empty() && imposed.tags.is_empty() && !self.nothing_else {
            InspectionScope::Headers
        } else {
            InspectionScope::HeadersAndTags
        }
    }

    /// Compares the stored object with the expectations and with what the tier imposes.
    pub(super) fn compared_with(&self, object: &StoredObject, imposed: &ImposedOnUploads) -> Findings {
        let mut findings = Findings::default();
        let found = &mut findings;
        found.note(Aspect::DecisionId, self.decision(object, imposed));
        let stated = self.content_length.map(|stated| Comparison::from_known(object.size, |size| size == stated));
        found.note(Aspect::ContentLength, stated);
        let within = imposed.max_size.map(|most| Comparison::from_known(object.size, |size| size <= most));
        found.note(Aspect::ContentLength, within);
        let content_type = object.content_type.as_deref();
        let stated = self.content_type.as_ref().map(|stated| content_type == Some(stated.as_str()));
        found.note(Aspect::ContentType, stated.map(Comparison::from_match));
        let let_in = imposed.lets_in_content_type(content_type.unwrap_or_default());
        found.note(Aspect::ContentType, let_in.map(Comparison::from_match));
        if let Some(stated) = &self.checksum {
            found.note(Aspect::Checksum, compare_checksum(stated, self.etag.as_ref(), imposed, object));
        }
        let is_stated = |kinds: &[_]| self.checksum.as_ref().is_some_and(|stated| kinds.contains(&stated.algorithm()));
        if let Some(demanded) = imposed.checksums.as_deref().filter(|kinds| !is_stated(kinds)) {
            found.note(Aspect::Checksum, compare_kinds(demanded, imposed, object));
        }
        found.note(Aspect::Etag, self.etag.as_ref().map(|etag| Comparison::from_match(object.has_etag(etag))));
        found.note(Aspect::Metadata, self.compare_metadata(&object.metadata));
        self.compare_headers(object, imposed, found);
        found.note(Aspect::Tags, self.compare_tags(object, imposed));
        let class = object.storage_class();
        found.note(
            Aspect::StorageClass,
            self.storage_class.map(|stated| Comparison::from_match(stated.name() == class)),
        );
        let is_allowed = imposed.storage_classes.iter().any(|allowed| allowed.name() == class);
        found.note(Aspect::StorageClass, Comparison::from_match(is_allowed));
        if let Some(encryption) = &imposed.encryption {
            compare_encryption(encryption, object, found);
        }
        found.note(Aspect::ObjectLock, self.compare_lock(object));
        findings
    }

    /// The decision in the request; if there is none and the tier records decisions, whether the object has one.
    fn decision(&self, object: &StoredObject, imposed: &ImposedOnUploads) -> Option<Comparison> {
        let stored = object.decision_id.as_deref().and_then(DecisionId::parse);
        match self.decision_id {
            Some(stated) => Some(Comparison::from_match(stored == Some(stated))),
            None if imposed.record_decision => Some(Comparison::from_match(stored.is_some())),
            // A tier without recorded decisions signs none: a decision in the object was added by the client.
            None => self.nothing_else.then(|| Comparison::from_match(object.decision_id.is_none())),
        }
    }

    /// The broker signs no lock. A retention may be the bucket's default; a legal hold cannot be.
    fn compare_lock(&self, object: &StoredObject) -> Option<Comparison> {
        let retention = || if object.object_lock_mode.is_some() { Comparison::Unknown } else { Comparison::Holds };
        self.nothing_else.then(|| if object.legal_hold { Comparison::Differs } else { retention() })
    }

    fn compare_metadata(&self, stored: &StoredMetadata) -> Comparison {
        let mut worst = Comparison::Holds;
        for (name, value) in &self.metadata {
            let compared = match stored.entries.get(name.as_str()) {
                Some(stored) => Comparison::from_match(stored == value.as_str()),
                // It may be one of those that are left out.
                None if stored.is_cut => Comparison::Unknown,
                None => Comparison::Differs,
            };
            worst = worst.max(compared);
        }
        if self.nothing_else && (stored.is_cut || stored.entries.len() > self.metadata.len()) {
            worst = Comparison::Differs;
        }
        worst
    }

    fn compare_headers(&self, object: &StoredObject, imposed: &ImposedOnUploads, found: &mut Findings) {
        let headers = [
            (
                Aspect::ContentDisposition,
                &self.content_disposition,
                &imposed.content_disposition,
                &object.content_disposition,
            ),
            (Aspect::ContentEncoding, &self.content_encoding, &imposed.content_encoding, &object.content_encoding),
            (Aspect::CacheControl, &self.cache_control, &imposed.cache_control, &object.cache_control),
            (Aspect::ContentLanguage, &None, &None, &object.content_language),
            (Aspect::Expires, &None, &None, &object.expires),
            (Aspect::WebsiteRedirectLocation, &None, &None, &object.website_redirect_location),
        ];
        for (aspect, stated, imposed, stored) in headers {
            let wanted = stated.iter().chain(imposed);
            if wanted.clone().next().is_none() && self.nothing_else {
                found.note(aspect, Comparison::from_match(stored.is_none()));
            }
            for wanted in wanted {
                found.note(aspect, Comparison::from_match(stored.as_deref() == Some(wanted.as_str())));
            }
        }
    }

    fn compare_tags(&self, object: &StoredObject, imposed: &ImposedOnUploads) -> Option<Comparison> {
        if self.inspection_scope(imposed) == InspectionScope::Headers {
            return None;
        }
        let Some(stored) = &object.tags else { return Some(Comparison::Unknown) };
        let wanted = || self.tags.iter().chain(imposed.tags.iter());
        let all_there = wanted().all(|(name, value)| stored.get(name).is_some_and(|stored| stored == value));
        let is_wanted = |name: &String| wanted().any(|(wanted, _)| wanted == name);
        let nothing_else = !self.nothing_else || stored.keys().all(is_wanted);
        Some(Comparison::from_match(all_there && nothing_else))
    }
}
