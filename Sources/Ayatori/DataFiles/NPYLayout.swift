import GraphIR

/// Where the data of a `.npy` file is and what it holds, as its first bytes say; checked against
/// the file's length before any of the data is read.
struct NPYLayout {
  let header: NPYHeader
  let element: NPYElement
  /// The byte at which the data begins.
  let dataStart: Int

  /// The longest header that is read. NumPy itself reads 10,000 bytes unless told otherwise.
  static let headerLimit = 1 << 16
  /// As many bytes as show every header that is read.
  static let longest = headerLimit + 12

  /// Reads the beginning of a file of `total` bytes: all of it, or `longest` bytes at least.
  ///
  /// Throws for another kind of file, a header that is not NumPy's, a dtype that is not read, and a
  /// file that is shorter or longer than its header says.
  init(_ bytes: [UInt8], total: Int, place: String) throws(Diagnostic) {
    var reader = ByteReader(bytes, place: place)
    guard bytes.starts(with: npyMagic) else { throw .npyMagic(bytes, place: place) }
    _ = try reader.take(npyMagic.count, for: "the magic string")
    let major = try reader.little(UInt8.self, for: "the version")
    let minor = try reader.little(UInt8.self, for: "the version")
    guard (1...3).contains(major), minor == 0 else {
      throw .npyVersion(major, minor, place: place)
    }
    let length =
      major == 1
      ? Int(try reader.little(UInt16.self, for: "the header's length"))
      : Int(try reader.little(UInt32.self, for: "the header's length"))
    guard length <= NPYLayout.headerLimit || length > total - reader.offset else {
      throw .npyHeaderSize(length, place: "\(place), byte \(reader.offset)")
    }
    var parser = NPYHeaderParser(bytes[try reader.take(length, for: "the header")], place: place)
    let header = try parser.parse()

    guard let element = NPYElement(descr: header.descr) else {
      throw .npyDType(header.descr, place: place)
    }
    let left = total - reader.offset
    guard
      let size = byteCount(of: header.shape, itemSize: element.size),
      // The widened array must fit too.
      byteCount(of: header.shape, itemSize: 16) != nil
    else { throw .npySize(header, expected: "too many", got: left, place: place) }
    guard size <= left else {
      throw .npySize(header, expected: "\(size)", got: left, place: place)
    }
    guard size == left else {
      throw .npyTrailing(left - size, place: "\(place), byte \(reader.offset + size)")
    }
    self.header = header
    self.element = element
    dataStart = reader.offset
  }

  /// Throws where there is no memory for the file's bytes, of which `isRead` are there already, and
  /// for the copies that turn them into an array.
  func requireMemory(isRead: Bool, place: String) throws(Diagnostic) {
    // Within bounds: that of 16 bytes an element is.
    let count = header.shape.reduce(1, *)
    let array = count * element.dtype.byteCount
    let file = isRead ? 0 : count * element.size
    let copies = (element.isStored ? 1 : 2) + (header.fortranOrder ? 1 : 0)
    let (bytes, isHuge) = array.multipliedReportingOverflow(by: copies)
    let (all, isTooMuch) = bytes.addingReportingOverflow(file)
    try Ayatori.requireMemory(isHuge || isTooMuch ? .max : all, place: place)
  }
}
