import Glibc
public import Passes
import Synchronization

/// Says which pass and which rule ran when the process crashed.
///
/// A trap is a mistake in Ayatori, and by then nothing of Swift can be relied on: the words lie
/// ready in memory, and the signal handler only calls `write(2)`, `sigaction(2)` and `raise(3)`,
/// which are safe there (POSIX.1-2017, 2.4.3). The signal then does what it would have done.
///
/// One compilation at a time: what the last pass to start wrote is what is told.
public enum CrashReport {
  private static let signals = [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE]
  private static let inputPath = Mutex<String?>(nil)

  /// The file that holds what the last pass was given, when it is dumped.
  public static var input: String? { inputPath.withLock { $0 } }

  /// Keeps the words up to date as passes run; `input` gives the file with a pass's input, once
  /// that is written.
  public static func observer(
    input: @escaping @Sendable () -> String?
  ) -> PassManager.Observer {
    install()
    return PassManager.Observer(
      readsGraphs: false,
      willRun: { _, pass, _ in
        let path = input()
        inputPath.withLock { $0 = path }
        useOwnStack()
        words.head.set("ayatori: a bug in Ayatori: crashed in the pass '\(pass.name)'")
        words.rule[0] = Words.noRule
        words.tail.set(
          path.map { "; its input is \($0)\n" }
            ?? "; --dump-dir DIR leaves its input in a file\n")
      },
      willTry: { words.rule[0] = $0.spelling },
      didFail: { _, _ in words.head.set("") },
      didRun: { _ in words.head.set("") })
  }

  /// Handles the signals of a crash from now on; only the first call does anything.
  private static func install() { _ = installed }

  private static let installed: Bool = {
    // Touched here, so that the handler never initialises anything.
    _ = words
    for (index, signal) in signals.enumerated() {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { CrashReport.handle($0) }
      action.sa_flags = SA_ONSTACK
      words.signals[index] = signal
      sigaction(signal, &action, words.previous + index)
    }
    words.count[0] = signals.count
    return true
  }()

  /// A stack for the handler: the thread's own may be what ran out.
  private static func useOwnStack() {
    var current = stack_t()
    guard sigaltstack(nil, &current) == 0, current.ss_flags & Int32(SS_DISABLE) != 0 else {
      return
    }
    // For the life of the thread, and a process compiles on few.
    let size = 64 * 1024
    var own = stack_t(ss_sp: malloc(size), ss_flags: 0, ss_size: size)
    sigaltstack(&own, nil)
  }

  private static func handle(_ signal: Int32) {
    words.write(to: STDERR_FILENO)
    for index in 0..<words.count[0] where words.signals[index] == signal {
      sigaction(signal, words.previous + index, nil)
    }
    raise(signal)
  }

  private static let words = Words()
}

/// Memory that a signal handler may read: never moved, never freed.
private struct Words: @unchecked Sendable {
  let head = FixedText()
  let open = FixedText()
  /// Where the name of the rule lies that is tried: told so often that it is not copied.
  let rule = UnsafeMutablePointer<UnsafeBufferPointer<UInt8>>.allocate(capacity: 1)
  let close = FixedText()
  let tail = FixedText()
  let signals = UnsafeMutablePointer<Int32>.allocate(capacity: 8)
  let previous = UnsafeMutablePointer<sigaction>.allocate(capacity: 8)
  let count = UnsafeMutablePointer<Int>.allocate(capacity: 1)

  static var noRule: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: nil, count: 0) }

  init() {
    rule.initialize(to: Words.noRule)
    signals.initialize(repeating: 0, count: 8)
    previous.initialize(repeating: sigaction(), count: 8)
    count.initialize(to: 0)
    open.set(", rule '")
    close.set("'")
  }

  /// Nothing while no pass runs.
  func write(to descriptor: Int32) {
    if head.count[0] == 0 { return }
    head.write(to: descriptor)
    if rule[0].count > 0 {
      open.write(to: descriptor)
      _ = Glibc.write(descriptor, rule[0].baseAddress, rule[0].count)
      close.write(to: descriptor)
    }
    tail.write(to: descriptor)
  }
}

/// A text in memory of its own; what does not fit is cut off.
private struct FixedText: @unchecked Sendable {
  private static var capacity: Int { 4608 }  // a message and PATH_MAX
  let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
  let count = UnsafeMutablePointer<Int>.allocate(capacity: 1)

  init() { count.initialize(to: 0) }

  func set(_ text: String) {
    var text = text
    text.withUTF8 { source in
      let size = min(source.count, FixedText.capacity)
      count[0] = 0
      if let base = source.baseAddress { bytes.update(from: base, count: size) }
      count[0] = size
    }
  }

  func write(to descriptor: Int32) { _ = Glibc.write(descriptor, bytes, count[0]) }
}
