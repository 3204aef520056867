//! Returns free memory to the system, from idle threads as well.
//!
//! Each thread has its own heap in the program's allocator. What other threads free in it remains there until the
//! thread itself allocates: mimalloc collects a thread's heap once in 10,000 larger allocations of that thread
//! (`mi_option_generic_collect`), and returns free pages a second later, with the next collection of any thread. After
//! a flood, idle threads would keep its memory for hours. So every worker thread that is about to wait makes these
//! allocations from time to time, which takes less than a millisecond. There is no safe function for this.

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time;

/// How often a thread does this, at most.
const INTERVAL: Duration = Duration::from_secs(5);

/// This many allocations make the allocator collect the thread's heap.
const ALLOCATIONS: usize = 10_000;

/// Larger than 1 KiB, because mimalloc does not count allocations on its fastest path.
const ALLOCATION_BYTES: usize = 2 * 1_024;

/// Runs on each worker thread that is about to wait for work.
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

/// Wakes the worker threads from time to time, so that idle ones reach the wait again. Never returns.
pub(super) async fn wake_workers() {
    let workers = Handle::current().metrics().num_workers();
    loop {
        time::sleep(INTERVAL).await;
        // A spawned task wakes a waiting thread.
        let tasks: Vec<_> = (0..workers).map(|_| tokio::spawn(async {})).collect();
        for task in tasks {
            let _done = task.await;
        }
    }
}
