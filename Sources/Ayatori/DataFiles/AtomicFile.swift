import Glibc
public import GraphIR

/// Writing a file so that a reader sees the old contents or the new, never a half of either.
///
/// The bytes go to a temporary file beside the target, which is synced and then renamed over it;
/// `rename(2)` is atomic (POSIX.1-2017), and syncing the directory makes the new name last.
public enum AtomicFile {
  /// Replaces the file at `path` by `bytes`. Throws a diagnostic with the path and the reason.
  public static func write(
    _ bytes: [UInt8], to path: String, replacingLinks: Bool = false
  ) throws(Diagnostic) {
    try write(pieces: [bytes], to: path, replacingLinks: replacingLinks)
  }

  /// Replaces the file at `path` by the pieces one after the other, without joining them first.
  ///
  /// A symbolic link stays and its target is replaced; or, for names that nobody chose, the link
  /// itself, or a pipe, where `replacingLinks`. A file that is there keeps its permissions, a new
  /// one gets 0644 less the umask. Pipes and devices are written straight through, since replacing
  /// them would be wrong, and `/dev/stdout` and its like are the stream that is open, where it
  /// stands. On a failure the temporary file is removed and the old contents stay.
  public static func write(
    pieces: [[UInt8]], to path: String, replacingLinks: Bool = false
  ) throws(Diagnostic) {
    try refuseNUL(in: path)
    let target = replacingLinks ? path : try resolvingLinks(path)
    var existing = FileStatus(following: path)
    if replacingLinks, isLink(path) || existing?.kind == .other { existing = nil }
    if existing?.kind == .directory {
      throw .cannotWrite(path, reason: EISDIR)
    }
    if existing?.kind == .other || stream(target) != nil {
      return try writeThrough(pieces, to: target, for: path)
    }
    if existing != nil, access(path, W_OK) != 0 {
      throw .cannotWrite(path, reason: errno)
    }
    let directory = directoryName(of: target)
    clearOnce(directory)
    // Through this handle the temporary file is found wherever the directory is moved to.
    let opened = handle(of: directory)
    if let failure = opened.failure { throw .cannotWrite(path, target, reason: failure) }
    let place = opened.value
    defer { close(place) }
    let (temporary, descriptor) = try makeTemporary(in: place, for: path)

    var failure = existing.flatMap { fchmod(descriptor, $0.permissions) == 0 ? nil : errno }
    if failure == nil { failure = writeAll(pieces, to: descriptor) }
    if failure == nil { failure = retryingInterrupts { fsync(descriptor) }.failure }
    if close(descriptor) != 0, failure == nil { failure = errno }
    if failure == nil, renameat(place, temporary, AT_FDCWD, target) != 0 { failure = errno }
    if let failure {
      unlinkat(place, temporary, 0)
      throw .cannotWrite(path, target, reason: failure)
    }
    try syncDirectory(directory, for: path)
  }

  /// The number of an open stream that a name stands for, even when that stream is a regular file:
  /// opened by its name, it would be written from its beginning.
  private static func stream(_ name: String) -> Int32? {
    switch name {
    case "/dev/stdout": return STDOUT_FILENO
    case "/dev/stderr": return STDERR_FILENO
    default:
      for directory in ["/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"]
      where name.hasPrefix(directory) {
        return Int32(name.dropFirst(directory.count))
      }
      return nil
    }
  }

  private static func writeThrough(
    _ pieces: [[UInt8]], to target: String, for path: String
  ) throws(Diagnostic) {
    let opened = retryingInterrupts {
      if let stream = stream(target) { return fcntl(stream, F_DUPFD_CLOEXEC, 0) }
      return open(target, O_WRONLY | O_CLOEXEC)
    }
    if let failure = opened.failure { throw .cannotWrite(path, reason: failure) }
    var failure = writeAll(pieces, to: opened.value)
    if close(opened.value) != 0, failure == nil { failure = errno }
    if let failure { throw .cannotWrite(path, reason: failure) }
  }

  private static func makeTemporary(
    in directory: Int32, for path: String
  ) throws(Diagnostic) -> (name: String, descriptor: Int32) {
    var attempts = 0
    while true {
      let temporary = temporaryName()
      let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
      let opened = retryingInterrupts { openat(directory, temporary, flags, 0o644) }
      guard let failure = opened.failure else {
        // For as long as this process is there, it is no leftover.
        flock(opened.value, LOCK_EX | LOCK_NB)
        return (temporary, opened.value)
      }
      attempts += 1
      guard failure == EEXIST, attempts < 16 else { throw .cannotWrite(path, reason: failure) }
    }
  }

  /// The errno of the first write that failed, or nil.
  private static func writeAll(_ pieces: [[UInt8]], to descriptor: Int32) -> Int32? {
    for piece in pieces {
      let failure = piece.withUnsafeBytes { (raw) -> Int32? in
        var rest = raw[...]
        while !rest.isEmpty {
          let part = UnsafeRawBufferPointer(rebasing: rest)
          let written = retryingInterrupts { Glibc.write(descriptor, part.baseAddress, part.count) }
          if let failure = written.failure { return failure }
          if written.value == 0 { return EIO }
          rest = rest.dropFirst(written.value)
        }
        return nil
      }
      if let failure { return failure }
    }
    return nil
  }

  /// The file that a path leads to where it is a link, whether it exists or not; else the path.
  package static func target(of path: String) -> String {
    (try? resolvingLinks(path)) ?? path
  }

  private static func isLink(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  /// The file a chain of symbolic links ends at, whether it exists or not; or the name of a stream.
  private static func resolvingLinks(_ path: String) throws(Diagnostic) -> String {
    var current = path
    // Linux follows 40 links at most (path_resolution(7)).
    for _ in 0...40 {
      guard isLink(current), stream(current) == nil else { return current }
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
      let size = buffer.count
      let length = retryingInterrupts { readlink(current, &buffer, size) }
      if let failure = length.failure { throw .cannotWrite(path, reason: failure) }
      let link = String(
        decoding: buffer.prefix(length.value).map(UInt8.init(bitPattern:)), as: UTF8.self)
      current = link.hasPrefix("/") ? link : directoryName(of: current) + "/" + link
    }
    throw .cannotWrite(path, reason: ELOOP)
  }

  static func syncDirectory(_ directory: String, for path: String) throws(Diagnostic) {
    let opened = retryingInterrupts { open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    // A directory may be writable and not readable; the file is in place all the same.
    if opened.failure != nil { return }
    defer { close(opened.value) }
    let synced = retryingInterrupts { fsync(opened.value) }
    // Not every file system syncs directories.
    if let failure = synced.failure, ![EINVAL, ENOTSUP, EROFS].contains(failure) {
      throw .cannotWrite(path, reason: failure)
    }
  }
}

extension Diagnostic {
  /// `target` is where the links of the path end, if it has any.
  static func cannotWrite(
    _ path: String, _ target: String? = nil, reason: Int32
  ) -> Diagnostic {
    let target = target ?? path
    let directory = directoryName(of: target)
    let fix: String? =
      switch reason {
      case ENOENT where isDirectory(directory): nil
      case ENOENT: "make the directory first: mkdir -p '\(directory)'"
      case EISDIR: "name a file inside it: '\(path)/NAME'"
      default: nil
      }
    return Diagnostic(
      "file-not-written", "cannot write '\(path)': \(errnoText(reason))", place: path,
      notes: target == path ? [] : [Diagnostic.Note("it is a link to '\(target)'")], fix: fix)
  }
}
