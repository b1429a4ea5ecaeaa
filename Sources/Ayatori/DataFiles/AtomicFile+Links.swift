import Glibc
package import GraphIR
import Synchronization

extension AtomicFile {
  /// Gives the file at `existing` the further name `path`, in the same directory, in the place of
  /// what has that name: a reader sees the old file or the new. Where the file system knows no
  /// second names, the bytes are written again.
  ///
  /// Throws a diagnostic with the path and the reason.
  package static func name(_ existing: String, as path: String) throws(Diagnostic) {
    let temporary = temporaryName()
    let opened = handle(of: directoryName(of: path))
    if let failure = opened.failure { throw .cannotWrite(path, reason: failure) }
    let place = opened.value
    defer { close(place) }
    let linked = retryingInterrupts { linkat(AT_FDCWD, existing, place, temporary, 0) }
    if let failure = linked.failure {
      // What a file system without second names says, or one that allows no more of them.
      guard [EPERM, EOPNOTSUPP, ENOSYS, EMLINK].contains(failure) else {
        throw .cannotWrite(path, reason: failure)
      }
      return try write(readFile(existing), to: path, replacingLinks: true)
    }
    let renamed = renameat(place, temporary, AT_FDCWD, path)
    let failure = errno
    // rename(2) does nothing where both names are the file's already.
    unlinkat(place, temporary, 0)
    if renamed != 0 { throw .cannotWrite(path, reason: failure) }
    try syncDirectory(directoryName(of: path), for: path)
  }

  /// Removes what writers that were killed have left in a directory.
  package static func removeLeftovers(in directory: String) {
    for name in directoryEntries(directory)
    where name.hasPrefix(temporaryPrefix) && name.hasSuffix(temporarySuffix) {
      let parts = name.dropFirst(temporaryPrefix.count).split(separator: "-")
      // Another program at work has a process of that number.
      guard let process = parts.first.flatMap({ pid_t($0) }), process > 0, kill(process, 0) != 0,
        errno == ESRCH
      else { continue }
      let path = directory + "/" + name
      if isUnlocked(path) { unlink(path) }
    }
  }

  /// The same, the first time that this process writes to the directory: it may hold many files.
  static func clearOnce(_ directory: String) {
    let isFirst = cleared.withLock { $0.insert(directory).inserted }
    if isFirst { removeLeftovers(in: directory) }
  }

  private static let cleared = Mutex<Set<String>>([])

  /// Whether a path is a regular file that nobody has locked: a writer in another container has a
  /// number that tells nothing here.
  private static func isUnlocked(_ path: String) -> Bool {
    let opened = retryingInterrupts {
      open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    }
    guard opened.failure == nil else { return false }
    defer { close(opened.value) }
    return FileStatus(of: opened.value)?.kind == .regular
      && flock(opened.value, LOCK_EX | LOCK_NB) == 0
  }

  /// Removes a file that may be gone already.
  package static func remove(_ path: String) { unlink(path) }

  /// A handle of a directory, through which files in it are found wherever it is moved to. Takes no
  /// right to list it.
  static func handle(of directory: String) -> SystemCall<Int32> {
    // `O_PATH` of Linux, which Swift's Glibc does not import.
    let pathOnly: Int32 = 0o10_000_000
    return retryingInterrupts { open(directory, pathOnly | O_DIRECTORY | O_CLOEXEC) }
  }

  static let temporaryPrefix = ".ayatori-"
  static let temporarySuffix = ".tmp"

  static func temporaryName() -> String {
    let tag = String(UInt64.random(in: .min ... .max), radix: 16)
    return "\(temporaryPrefix)\(getpid())-\(tag)\(temporarySuffix)"
  }
}
