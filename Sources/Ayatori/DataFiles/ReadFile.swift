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
  try refuseNUL(in: path)
  let opened = retryingInterrupts { open(path, O_RDONLY | O_CLOEXEC) }
  if let failure = opened.failure {
    throw failure == ENOENT ? .fileNotFound(path) : .cannotRead(path, reason: failure)
  }
  let descriptor = opened.value
  defer { close(descriptor) }
  guard let status = FileStatus(of: descriptor) else { throw .cannotRead(path, reason: errno) }
  if status.kind == .directory { throw .directoryRead(path) }
  let size = status.kind == .regular ? status.size : 0
  if size > limit { throw .tooLarge(path, size: "\(size) bytes", limit: limit) }

  var failure: Int32?
  var isBegun = false
  if status.kind == .regular {
    var head = [UInt8](repeating: 0, count: min(size, fileHeadSize))
    let got = head.withUnsafeMutableBytes { raw in
      retryingInterrupts { pread(descriptor, raw.baseAddress, raw.count, 0) }
    }
    if let failure = got.failure { throw .cannotRead(path, reason: failure) }
    // Files of /proc say that they are empty.
    if size > 0, got.value == head.count {
      try beginning(head, size)
      isBegun = true
    }
  }
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
    bytes += chunk[..<got.value]
    if !isBegun, bytes.count >= fileHeadSize {
      try beginning(Array(bytes[..<fileHeadSize]), nil)
      isBegun = true
    }
  }
  if let failure { throw .cannotRead(path, reason: failure) }
  if !isBegun { try beginning(Array(bytes.prefix(fileHeadSize)), bytes.count) }
  return bytes
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

  fileprivate static func tooLarge(_ path: String, size: String, limit: Int) -> Diagnostic {
    Diagnostic(
      "file-too-large", "'\(path)' is too large", place: path, expected: "at most \(limit) bytes",
      got: size)
  }
}
