import Glibc
package import GraphIR

/// A directory that one process at a time may use: `flock(2)` on the directory itself, which leaves
/// no file behind and ends with the process, however that ends.
package final class DirectoryLock {
  private let descriptor: Int32

  /// Throws a diagnostic where the directory is missing or taken. Where the file system knows no
  /// locks there is none.
  package init(_ path: String) throws(Diagnostic) {
    let opened = retryingInterrupts { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    if let failure = opened.failure { throw .directoryNotOpened(path, reason: failure) }
    descriptor = opened.value
    let locked = retryingInterrupts { flock(opened.value, LOCK_EX | LOCK_NB) }
    if locked.failure == EWOULDBLOCK {
      close(descriptor)
      throw Diagnostic(
        "directory-in-use", "another process is writing to the directory", place: path,
        expected: "a directory of this run's own", got: "one that is locked",
        fix: "wait for the other run, or write elsewhere: --out DIR")
    }
  }

  deinit { close(descriptor) }
}

extension Diagnostic {
  fileprivate static func directoryNotOpened(_ path: String, reason: Int32) -> Diagnostic {
    Diagnostic(
      "directory-not-opened", "cannot open the directory '\(path)': \(errnoText(reason))",
      place: path)
  }
}
