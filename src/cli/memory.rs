//! Memory that is free again goes back to the system, from idle threads as well.
//!
//! Each thread has a heap of its own in the program's allocator. What other threads free in it stays there until the
//! thread itself allocates: mimalloc looks through a thread's heap once in 10,000 larger allocations of that thread
//! (`mi_option_generic_collect`), and gives free pages back with the next look of any thread a second later. After a
//! flood, idle threads would hold its memory for hours. So every worker thread that is about to wait makes these
//! allocations from time to time, which takes it less than a millisecond. There is no safe function for it.

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time;

/// How often a thread does so, at most.
const INTERVAL: Duration = Duration::from_secs(5);

/// As many allocations as make the allocator look through the thread's heap.
const ALLOCATIONS: usize = 10_000;

/// Larger than what mimalloc hands out on its shortest path, which is not counted: 1 KiB.
const ALLOCATION_BYTES: usize = 2 * 1_024;

/// For each worker thread that is about to wait for work.
pub(super) fn give_back_if_due() {
    thread_local! {
        static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
    }
    let now = Instant::now();
    if LAST.get().is_none_or(|last| now.duration_since(last) >= INTERVAL) {
        LAST.set(Some(now));
        for _ in 0..ALLOCATIONS {
            drop(black_box(Vec::<u8>::with_capacity(black_box(ALLOCATION_BYTES))));
        }
    }
}

/// Wakes the worker threads from time to time, so that those without work come to wait anew. Never returns.
pub(super) async fn wake_workers() {
    let workers = Handle::current().metrics().num_workers();
    loop {
        time::sleep(INTERVAL).await;
        // A task that is spawned wakes a thread that waits, to see whether there is more for it.
        let tasks: Vec<_> = (0..workers).map(|_| tokio::spawn(async {})).collect();
        for task in tasks {
            let _done = task.await;
        }
    }
}
