import GraphIR

/// The bytes of a file of which parts are read when they are asked for, so that what a header
/// refuses is never in memory; or bytes that are in memory anyway.
struct ByteSource: Sendable {
  private enum Storage: Sendable {
    case memory([UInt8])
    case file(OpenFile)
  }

  /// How many there are.
  let count: Int
  /// The file, for diagnostics.
  let place: String
  private let storage: Storage

  /// Bytes in memory.
  init(_ bytes: [UInt8], place: String) {
    count = bytes.count
    self.place = place
    storage = .memory(bytes)
  }

  /// Opens a file. Throws as `readFile` does, and what `beginning` throws. Pipes and files whose
  /// size is not known are read to their end.
  init(
    readFrom path: String, limit: Int = dataFileLimit,
    beginning: (_ head: [UInt8], _ size: Int?) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    let file = try OpenFile(path, limit: limit)
    place = path
    if file.size > 0 {
      try beginning(file.bytes(0..<min(file.size, fileHeadSize)), file.size)
      count = file.size
      storage = .file(file)
    } else {
      let bytes = try file.readAll(limit: limit, beginning: beginning)
      count = bytes.count
      storage = .memory(bytes)
    }
  }

  /// A part, which must be within the bytes. Throws when the file has become shorter or cannot be
  /// read, and when there is no memory for it.
  func bytes(_ range: Range<Int>) throws(Diagnostic) -> [UInt8] {
    switch storage {
    case .memory(let bytes): Array(bytes[range])
    case .file(let file): try file.bytes(range)
    }
  }

  /// Whether nothing but zeros is left from `start` on.
  func isZero(from start: Int) throws(Diagnostic) -> Bool {
    var position = start
    while position < count {
      let end = min(position + ByteSource.chunk, count)
      guard try bytes(position..<end).allSatisfy({ $0 == 0 }) else { return false }
      position = end
    }
    return true
  }

  /// Bytes to read at once where a file is gone through.
  static let chunk = 1 << 18
}
