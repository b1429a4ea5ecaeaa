import Ayatori
import Foundation
import Testing

/// What the tests of the data files share.
enum DataFiles {
  /// The files that Tools/oracle/make_datafiles.py wrote with NumPy and safetensors.
  static let fixtures =
    URL(filePath: #filePath).deletingLastPathComponent().path() + "Fixtures/datafiles/"

  static func fixture(_ name: String) throws -> [UInt8] { try readFile(fixtures + name) }

  /// The script's `values(dtype, shape)`; floats are exact in half precision.
  static func values(_ dtype: DType, _ shape: [Int], unsigned: Bool = false) -> NDArray {
    let raw = (0..<shape.reduce(1, *)).map { Double(($0 * 37 + 11) % 101) }
    let values: [Double]
    switch dtype {
    case .f32, .f64: values = raw.map { ($0 - 50) / 8 }
    case .i32, .i64: values = raw.map { unsigned ? $0 : $0 - 50 }
    case .bool: values = raw.map { Int($0) % 2 == 0 ? 1 : 0 }
    }
    return NDArray(converting: values, to: dtype, shape: shape)
  }

  /// The id of the diagnostic that `body` throws; a note of what else happened otherwise.
  static func problem(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch let diagnostic as Diagnostic {
      // Every one of them says where.
      return diagnostic.place == nil ? "\(diagnostic.id) without a place" : diagnostic.id
    } catch {
      return "another error: \(error)"
    }
  }

  /// The diagnostic that `body` throws; without one the test fails.
  static func diagnostic(
    sourceLocation: Testing.SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) -> Diagnostic? {
    do {
      try body()
      Issue.record("no error", sourceLocation: sourceLocation)
    } catch let diagnostic as Diagnostic {
      return diagnostic
    } catch {
      Issue.record("another error: \(error)", sourceLocation: sourceLocation)
    }
    return nil
  }

  /// Runs `body` with a new directory that is removed afterwards.
  static func withDirectory(_ body: (String) throws -> Void) throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "ayatori-\(UUID())")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    try body(url.path())
  }

  /// Every proper prefix of a valid file must be refused.
  static func expectTruncationsThrow(
    _ bytes: [UInt8], _ decode: ([UInt8]) throws -> Void,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) {
    for count in 0..<bytes.count {
      let id = problem { try decode(Array(bytes[..<count])) }
      #expect(
        id != "no error" && !id.contains(" "), "\(count): \(id)", sourceLocation: sourceLocation)
    }
  }

  /// No flipped bit may trap or throw anything but a diagnostic.
  static func expectBitFlipsAreSafe(
    _ bytes: [UInt8], _ decode: ([UInt8]) throws -> Void,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) {
    var bytes = bytes
    for index in bytes.indices {
      for bit in 0..<8 {
        bytes[index] ^= 1 << bit
        let id = problem { try decode(bytes) }
        if id != "no error", id.contains(" ") {
          Issue.record("byte \(index) bit \(bit): \(id)", sourceLocation: sourceLocation)
        }
        bytes[index] ^= 1 << bit
      }
    }
  }

  /// Arrays compared with their names, in order.
  static func expectEqual(
    _ a: [(name: String, array: NDArray)], _ b: [(name: String, array: NDArray)],
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) {
    #expect(a.map(\.name) == b.map(\.name), sourceLocation: sourceLocation)
    #expect(a.map(\.array) == b.map(\.array), sourceLocation: sourceLocation)
  }

  static func little(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  static func big(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }
}
