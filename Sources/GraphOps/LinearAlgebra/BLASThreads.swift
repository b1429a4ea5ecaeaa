import COpenBLAS
import Foundation
import Synchronization

/// OpenBLAS's own threads, which spin after each product and would fight a pool of workers.
package enum BLASThreads {
  /// How many threads `OPENBLAS_NUM_THREADS` or `OMP_NUM_THREADS` ask for; nil when neither does.
  package static var requested: Int? {
    for name in ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"] {
      if let text = ProcessInfo.processInfo.environment[name], let count = Int(text), count > 0 {
        return count
      }
    }
    return nil
  }

  /// Bytes that OpenBLAS takes for each thread that computes a product. Where it does not get them
  /// it asks again, for ever (`blas_memory_alloc`).
  package static let bufferSize = 128 << 20

  /// Whether the process's memory is limited, as by `ulimit -v`.
  package static var isMemoryLimited: Bool {
    var limit = rlimit()
    return getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0
      && limit.rlim_cur != rlim_t.max
  }

  /// Whether `threads` threads can have what products need. Asked before the first product, when
  /// nothing of it is taken yet, and once; without a limit memory is had for the asking.
  package static func haveMemory(for threads: Int) -> Bool {
    known.withLock { known in
      if let known { return known }
      guard isMemoryLimited else { return true }
      let (bytes, isHuge) = bufferSize.multipliedReportingOverflow(by: threads)
      let probe =
        isHuge
        ? MAP_FAILED
        : mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      let isThere = probe != MAP_FAILED
      if isThere { munmap(probe, bytes) }
      known = isThere
      return isThere
    }
  }

  private static let known = Mutex<Bool?>(nil)

  /// From now on each product runs on the thread that asks for it.
  package static func leaveThreadsToUs() { _ = once }

  /// Whether a product has been prepared.
  package static var areUsed: Bool { used.load(ordering: .relaxed) }

  private static let used = Atomic<Bool>(false)

  private static let once: Void = {
    openblas_set_num_threads(1)
    used.store(true, ordering: .relaxed)
  }()
}
