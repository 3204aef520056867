//! The memory of a heap allocation.

/// The size that the program's allocator uses for an allocation of this many bytes.
///
/// These are the size classes of mimalloc (`mi_bin` in its `page-queue.c`): multiples of 16 up to 64, and from there
/// four sizes up to each power of two. glibc's `malloc` adds a header of 8 bytes and rounds to multiples of 16, which
/// gives about the same for a token.
pub(super) const fn heap_block(bytes: usize) -> usize {
    /// The smallest size, and the step up to four times that size.
    const SMALLEST: usize = 16;
    if bytes == 0 {
        return 0;
    }
    if bytes <= 4 * SMALLEST {
        return bytes.next_multiple_of(SMALLEST);
    }
    bytes.next_multiple_of(1 << ((bytes - 1).ilog2() - 2))
}

/// The same for a value behind an `Arc`, which has two counts before it.
pub(super) const fn arc_block<T>() -> usize {
    heap_block(2 * size_of::<usize>() + size_of::<T>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_allocator() {
        for (bytes, block) in [
            (0, 0),
            (1, 16),
            (16, 16),
            (17, 32),
            (64, 64),
            (65, 80),
            (80, 80),
            (81, 96),
            (128, 128),
            (129, 160),
            (640, 640),
            (641, 768),
            (1_024, 1_024),
            (1_025, 1_280),
        ] {
            assert_eq!(heap_block(bytes), block, "{bytes}");
        }
    }
}
