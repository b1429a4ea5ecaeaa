import COpenBLAS
import Foundation

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

  /// From now on each product runs on the thread that asks for it.
  package static func leaveThreadsToUs() { _ = once }

  private static let once: Void = openblas_set_num_threads(1)
}
