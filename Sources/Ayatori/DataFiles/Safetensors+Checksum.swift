import GraphIR

/// The CRC-32 of all that a safetensors file holds beside it, metadata and arrays each by name in
/// order. The format knows none; in checkpoints it stands in the metadata.
private struct SafetensorsChecksum {
  static let key = "checksum"

  private var sum: UInt32 = 0

  init(_ metadata: [String: String]) {
    for (key, value) in metadata.sorted(by: { $0.key < $1.key })
    where key != SafetensorsChecksum.key {
      add(key)
      add(value)
    }
  }

  var text: String { String(sum, radix: 16) }

  /// What comes before an array's bytes.
  mutating func add(_ name: String, _ dtype: DType, _ shape: [Int]) {
    add(name)
    add("\(dtype)\(shape)")
  }

  mutating func add(_ bytes: UnsafeRawBufferPointer) { sum = crc32(bytes, continuing: sum) }

  private mutating func add(_ word: String) {
    Array((word + "\0").utf8).withUnsafeBytes { add($0) }
  }
}

extension SafetensorsFile {
  private var checksum: String {
    var checksum = SafetensorsChecksum(metadata)
    for (name, array) in tensors.sorted(by: { $0.name < $1.name }) {
      checksum.add(name, array.dtype, array.shape)
      array.withUnsafeBytes { checksum.add($0) }
    }
    return checksum.text
  }

  /// The file with its checksum.
  package func sealed() -> SafetensorsFile {
    var file = self
    file.metadata[SafetensorsChecksum.key] = checksum
    return file
  }

  /// Throws when the file has another checksum than its contents, or none where one is required.
  package func checkSeal(isRequired: Bool, place: String) throws(Diagnostic) {
    let found = metadata[SafetensorsChecksum.key]
    let isUnsealed = found == nil && !isRequired
    if !isUnsealed, found != checksum { throw .checkpointDamaged(place, checksum, found) }
  }
}

extension SafetensorsReader {
  /// As `SafetensorsFile.checkSeal`, with no more than a part of the file in memory.
  package func checkSeal(isRequired: Bool) throws(Diagnostic) {
    let found = metadata[SafetensorsChecksum.key]
    if found == nil, !isRequired { return }
    var checksum = SafetensorsChecksum(metadata)
    for info in tensors.sorted(by: { $0.name < $1.name }) {
      checksum.add(info.name, info.dtype, info.shape)
      try forEachChunk(of: info) { bytes in bytes.withUnsafeBytes { checksum.add($0) } }
    }
    if found != checksum.text { throw .checkpointDamaged(place, checksum.text, found) }
  }
}

extension Diagnostic {
  fileprivate static func checkpointDamaged(
    _ place: String, _ checksum: String, _ got: String?
  ) -> Diagnostic {
    Diagnostic(
      "checkpoint-damaged", "the checkpoint is not as it was written", place: place,
      expected: "the checksum \(checksum), which is that of its contents",
      got: got ?? "no checksum",
      fix: "take another: the last few and the best lie in the run's directory")
  }
}
