//! Storage classes that callers can choose if the tier allows them.

/// A storage class that one PUT can write
/// ([AWS: storage classes](https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StorageClass {
    /// `STANDARD`, the default of S3.
    Standard,
    /// `STANDARD_IA`
    StandardInfrequentAccess,
    /// `ONEZONE_IA`
    OneZoneInfrequentAccess,
    /// `INTELLIGENT_TIERING`
    IntelligentTiering,
    /// `GLACIER_IR`
    GlacierInstantRetrieval,
    /// `GLACIER`
    GlacierFlexibleRetrieval,
    /// `DEEP_ARCHIVE`
    GlacierDeepArchive,
    /// `REDUCED_REDUNDANCY`
    ReducedRedundancy,
}

impl StorageClass {
    /// Every class.
    pub const ALL: [Self; 8] = [
        Self::Standard,
        Self::StandardInfrequentAccess,
        Self::OneZoneInfrequentAccess,
        Self::IntelligentTiering,
        Self::GlacierInstantRetrieval,
        Self::GlacierFlexibleRetrieval,
        Self::GlacierDeepArchive,
        Self::ReducedRedundancy,
    ];

    /// S3's name for it, in requests and in policy files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::StandardInfrequentAccess => "STANDARD_IA",
            Self::OneZoneInfrequentAccess => "ONEZONE_IA",
            Self::IntelligentTiering => "INTELLIGENT_TIERING",
            Self::GlacierInstantRetrieval => "GLACIER_IR",
            Self::GlacierFlexibleRetrieval => "GLACIER",
            Self::GlacierDeepArchive => "DEEP_ARCHIVE",
            Self::ReducedRedundancy => "REDUCED_REDUNDANCY",
        }
    }

    /// By the name in S3's API, such as `STANDARD_IA`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}
