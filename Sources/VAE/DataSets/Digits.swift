import Ayatori

/// Optical recognition of handwritten digits: 1,797 images of 8×8 pixels, 0...16, ten classes.
///
/// Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", 1998, UCI
/// Machine Learning Repository, doi:10.24432/C50P49, CC BY 4.0; the part that scikit-learn ships as
/// `load_digits`. It is compiled in, so that a model can be trained with nothing installed.
public enum Digits {
  /// How many of the images, from the first, are for training: 1,500. The last 297 are for testing.
  ///
  /// The split is Ayatori's; neither UCI nor scikit-learn defines one for this part.
  public static let trainCount = 1500

  private static let count = 1797
  private static let side = 8

  /// The data set, `digits` on the command line.
  public static func dataSet() -> DataSet {
    let size = side * side
    let bytes = decoded()
    precondition(
      bytes.count == count * (size + 1), "the embedded digits have \(bytes.count) bytes")
    let border = trainCount * size
    let labels = count * size
    return DataSet(
      name: "digits", imageShape: [side, side],
      train: DataSet.Split(
        images: Array(bytes[..<border]), labels: Array(bytes[labels..<(labels + trainCount)])),
      test: DataSet.Split(
        images: Array(bytes[border..<labels]), labels: Array(bytes[(labels + trainCount)...])),
      maximum: 16,
      source: "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, 1998, UCI "
        + "Machine Learning Repository, doi:10.24432/C50P49, CC BY 4.0")
  }

  private static func decoded() -> [UInt8] {
    do {
      return try Gzip.decompress(base64Bytes(base64), place: "the embedded digits")
    } catch {
      preconditionFailure("\(error)")
    }
  }

  /// Base64 (RFC 4648, section 4); line breaks and padding are passed over.
  static func base64Bytes(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count / 4 * 3)
    var bits: UInt32 = 0
    var count = 0
    for character in text.utf8 {
      let value: UInt8
      switch character {
      case 0x41...0x5A: value = character - 0x41
      case 0x61...0x7A: value = character - 0x61 + 26
      case 0x30...0x39: value = character - 0x30 + 52
      case 0x2B: value = 62
      case 0x2F: value = 63
      default: continue
      }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return bytes
  }
}
