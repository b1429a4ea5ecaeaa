import Glibc
public import GraphIR

/// The most bytes a data file may have, unless the caller says otherwise: 8 GiB.
public let dataFileLimit = 8 << 30

/// What is looked at before the rest of a file is read: more than any format's magic and sizes.
let fileHeadSize = 4096

/// Every byte of the file at `path`.
///
/// Throws a diagnostic when it is missing (with the nearest name that is there), a directory, not
/// readable, or larger than `limit` bytes. Pipes are read to their end.
public func readFile(_ path: String, limit: Int = dataFileLimit) throws(Diagnostic) -> [UInt8] {
  try readFile(path, limit: limit) { _, _ in }
}

/// As above; `beginning` looks at the file's first `fileHeadSize` bytes, or all of a shorter one,
/// and at its size where that is known, before memory is taken for the rest: what it throws is
/// thrown.
func readFile(
  _ path: String, limit: Int = dataFileLimit,
  beginning: (_ head: [UInt8], _ size: Int?) throws(Diagnostic) -> Void
) throws(Diagnostic) -> [UInt8] {
  try OpenFile(path, limit: limit).readAll(limit: limit, beginning: beginning)
}

/// A file that is open for reading; closed with its last owner.
final class OpenFile: Sendable {
  let path: String
  /// What the file system says; 0 for what is no regular file.
  let size: Int
  private let descriptor: Int32

  init(_ path: String, limit: Int) throws(Diagnostic) {
    try refuseNUL(in: path)
    let opened = retryingInterrupts { open(path, O_RDONLY | O_CLOEXEC) }
    if let failure = opened.failure {
      throw failure == ENOENT ? .fileNotFound(path) : .cannotRead(path, reason: failure)
    }
    let status = FileStatus(of: opened.value)
    let failure = errno
    descriptor = opened.value
    self.path = path
    size = status?.kind == .regular ? status?.size ?? 0 : 0
    // From here on the descriptor is closed by `deinit`.
    guard let status else { throw .cannotRead(path, reason: failure) }
    if status.kind == .directory { throw .directoryRead(path) }
    if size > limit { throw .tooLarge(path, size: "\(size) bytes", limit: limit) }
  }

  deinit { close(descriptor) }

  /// A part of a regular file. Throws when the file has become shorter.
  func bytes(_ range: Range<Int>) throws(Diagnostic) -> [UInt8] {
    try requireMemory(range.count, place: path)
    var failure: Int32?
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      while count < range.count {
        let rest = UnsafeMutableBufferPointer(rebasing: buffer[count..<range.count])
        let got = retryingInterrupts {
          pread(descriptor, rest.baseAddress, rest.count, off_t(range.lowerBound + count))
        }
        failure = got.failure
        if got.value <= 0 { return }
        count += got.value
      }
    }
    if let failure { throw .cannotRead(path, reason: failure) }
    guard bytes.count == range.count else {
      throw Diagnostic(
        "truncated-file", "the file has become shorter while it was read",
        place: "\(path), byte \(range.lowerBound)", expected: "\(range.count) bytes",
        got: "\(bytes.count) bytes")
    }
    return bytes
  }

  /// All bytes, from the first on; see `readFile`.
  func readAll(
    limit: Int, beginning: (_ head: [UInt8], _ size: Int?) throws(Diagnostic) -> Void
  ) throws(Diagnostic) -> [UInt8] {
    var failure: Int32?
    var isBegun = false
    // Files of /proc say that they are empty.
    if size > 0 {
      let head = try bytes(0..<min(size, fileHeadSize))
      try beginning(head, size)
      isBegun = true
    }
    try requireMemory(size, place: path)
    var bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size {
        let rest = UnsafeMutableBufferPointer(rebasing: buffer[count..<size])
        let got = retryingInterrupts { read(descriptor, rest.baseAddress, rest.count) }
        failure = got.failure
        if got.value <= 0 { return }
        count += got.value
      }
    }
    // Pipes, files of /proc and files that grow give more than `stat` said.
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while failure == nil {
      let got = chunk.withUnsafeMutableBytes { raw in
        retryingInterrupts { read(descriptor, raw.baseAddress, raw.count) }
      }
      failure = got.failure
      if got.value <= 0 { break }
      if bytes.count + got.value > limit { throw .tooLarge(path, size: "more", limit: limit) }
      try bytes.append(chunk[..<got.value], place: path)
      if !isBegun, bytes.count >= fileHeadSize {
        try beginning(Array(bytes[..<fileHeadSize]), nil)
        isBegun = true
      }
    }
    if let failure { throw .cannotRead(path, reason: failure) }
    if !isBegun { try beginning(Array(bytes.prefix(fileHeadSize)), bytes.count) }
    return bytes
  }
}

/// Throws a diagnostic where the system has no `bytes` of memory to give: an array that cannot be
/// allocated ends the process. Small ones are had for the asking.
func requireMemory(_ bytes: Int, place: String) throws(Diagnostic) {
  guard bytes >= 1 << 20 else { return }
  let probe = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
  guard let probe, probe != MAP_FAILED else {
    throw Diagnostic(
      "out-of-memory", "there is no memory to read the file", place: place,
      expected: "\(bytes) bytes of free memory")
  }
  munmap(probe, bytes)
}

extension [UInt8] {
  /// Appends bytes. Throws a diagnostic where there is no memory to grow.
  mutating func append(_ more: ArraySlice<UInt8>, place: String) throws(Diagnostic) {
    if count + more.count > capacity {
      try requireMemory(Swift.max(2 * capacity, count + more.count), place: place)
    }
    self += more
  }
}

extension Diagnostic {
  fileprivate static func fileNotFound(_ path: String) -> Diagnostic {
    let directory = directoryName(of: path)
    guard FileStatus(following: directory)?.kind == .directory else {
      return Diagnostic(
        "file-not-found", "there is no file '\(path)'", place: path,
        got: "not even the directory '\(directory)' is there")
    }
    let near = nearest(to: fileName(of: path), among: directoryEntries(directory))
    return Diagnostic(
      "file-not-found", "there is no file '\(path)'", place: path,
      fix: near.map { "did you mean '\(path.contains("/") ? directory + "/" : "")\($0)'?" })
  }

  fileprivate static func cannotRead(_ path: String, reason: Int32) -> Diagnostic {
    Diagnostic("file-not-readable", "cannot read '\(path)': \(errnoText(reason))", place: path)
  }

  fileprivate static func directoryRead(_ path: String) -> Diagnostic {
    Diagnostic(
      "file-is-directory", "'\(path)' is a directory", place: path, expected: "a file",
      got: "a directory")
  }

  static func tooLarge(_ path: String, size: String, limit: Int) -> Diagnostic {
    Diagnostic(
      "file-too-large", "'\(path)' is too large", place: path, expected: "at most \(limit) bytes",
      got: size)
  }
}
