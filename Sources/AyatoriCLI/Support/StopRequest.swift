import Foundation
import Synchronization

/// SIGINT, SIGTERM and SIGHUP as a wish to stop, which long work looks at between two steps.
///
/// A second SIGINT ends the process at once, as ever: a person insists. The others may come twice
/// for one reason, as when a terminal closes and its shell passes on what the kernel has said too.
enum StopRequest {
  private static let signals = [SIGINT, SIGTERM, SIGHUP]
  /// The signal that came; 0 before.
  private static let number = Atomic<Int32>(0)

  /// Takes the signals from now on.
  static func install() {
    // Touched here, so that the handler never initialises anything.
    _ = number.load(ordering: .relaxed)
    var taken = sigset_t()
    sigemptyset(&taken)
    for signal in signals {
      var action = sigaction()
      // What the parent has ignored stays so: nohup(1), jobs in the background.
      sigaction(signal, nil, &action)
      if unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == ignored { continue }
      action.__sigaction_handler.sa_handler = { StopRequest.take($0) }
      // Reads and writes under way go on; the next SIGINT does what it always did.
      action.sa_flags = SA_RESTART
      if signal == SIGINT { action.sa_flags |= Int32(bitPattern: UInt32(SA_RESETHAND)) }
      sigaction(signal, &action, nil)
      sigaddset(&taken, signal)
    }
    // A parent's blocked signals are inherited, and not meant for its children.
    pthread_sigmask(SIG_UNBLOCK, &taken, nil)
  }

  /// `SIG_IGN`, which is a number in a pointer's place.
  private static let ignored = 1

  /// Only what is safe in a signal handler (POSIX.1-2017, 2.4.3).
  private static func take(_ signal: Int32) { number.store(signal, ordering: .relaxed) }

  /// The signal that came; nil while none has.
  static var signal: Int32? {
    let signal = number.load(ordering: .relaxed)
    return signal == 0 ? nil : signal
  }

  /// `SIGTERM`, for messages.
  static func name(_ signal: Int32) -> String {
    switch signal {
    case SIGINT: "SIGINT"
    case SIGTERM: "SIGTERM"
    case SIGHUP: "SIGHUP"
    default: "signal \(signal)"
    }
  }
}

/// Work that a signal stopped, in order: the exit code is 128 and the signal's number.
struct Interruption: Error {
  let signal: Int32
}
