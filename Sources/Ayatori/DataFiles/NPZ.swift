public import GraphIR

/// Reads every array of a NumPy `.npz` file, stored or compressed, in the file's order.
public func readNPZ(_ path: String) throws(Diagnostic) -> [(name: String, array: NDArray)] {
  try NPZFile(readFrom: path).arrays()
}

/// Writes named arrays as a `.npz` file that `numpy.load` reads; atomically.
///
/// Not compressed; equal arrays give equal bytes.
public func writeNPZ(
  _ arrays: [(name: String, array: NDArray)], to path: String
) throws(Diagnostic) {
  try AtomicFile.write(pieces: npzPieces(arrays, place: path), to: path)
}

/// The arrays in the bytes of a `.npz` file: a ZIP archive of `.npy` members (`numpy.savez`).
///
/// A name is its member's without `.npy`; names may hold dots, slashes and any Unicode.
public func decodeNPZ(
  _ bytes: [UInt8], place: String
) throws(Diagnostic) -> [(name: String, array: NDArray)] {
  try NPZFile(bytes, place: place).arrays()
}

/// A `.npz` file of which only the names, dtypes and shapes have been read: a compressed array
/// takes memory when it is asked for, after somebody has looked at what it claims to be.
struct NPZFile {
  /// What a member says of its array.
  struct Member {
    /// The member's name without `.npy`.
    let name: String
    fileprivate let layout: NPYLayout
    fileprivate let entry: ZipReader.Entry

    var shape: [Int] { layout.header.shape }
    var element: NPYElement { layout.element }
  }

  /// In the file's order.
  let members: [Member]
  private let archive: ZipReader
  private let place: String

  init(readFrom path: String) throws(Diagnostic) {
    let source = try ByteSource(readFrom: path) { head, size throws(Diagnostic) in
      guard head.starts(with: [0x50, 0x4B]) else {
        throw .zipMagic(head, size: size, place: path)
      }
    }
    try self.init(source)
  }

  init(_ bytes: [UInt8], place: String) throws(Diagnostic) {
    try self.init(ByteSource(bytes, place: place))
  }

  private init(_ source: ByteSource) throws(Diagnostic) {
    archive = try ZipReader(source)
    place = source.place
    var members: [Member] = []
    for entry in archive.entries {
      guard entry.name.hasSuffix(npySuffix) else {
        throw Diagnostic(
          "npz-member", "a member of the .npz file is not an array", place: place,
          expected: "names that end in '\(npySuffix)'", got: "'\(entry.name)'")
      }
      let layout = try NPYLayout(
        archive.beginning(of: entry, count: NPYLayout.longest), total: entry.size,
        place: "\(place), member '\(entry.name)'")
      members.append(
        Member(
          name: String(entry.name.dropLast(npySuffix.count)), layout: layout, entry: entry))
    }
    self.members = members
  }

  /// The array of a member, unpacked and checked.
  func array(of member: Member) throws(Diagnostic) -> NDArray {
    let place = "\(place), member '\(member.entry.name)'"
    try member.layout.requireMemory(isRead: false, place: place)
    return try decodeNPY(archive.contents(of: member.entry), place: place)
  }

  /// All arrays with their names.
  func arrays() throws(Diagnostic) -> [(name: String, array: NDArray)] {
    var arrays: [(name: String, array: NDArray)] = []
    for member in members { arrays.append((member.name, try array(of: member))) }
    return arrays
  }
}

/// The bytes of a `.npz` file. Throws when two arrays have one name.
public func encodeNPZ(
  _ arrays: [(name: String, array: NDArray)]
) throws(Diagnostic) -> [UInt8] {
  Array(try npzPieces(arrays, place: ".npz").joined())
}

private let npySuffix = ".npy"

private func npzPieces(
  _ arrays: [(name: String, array: NDArray)], place: String
) throws(Diagnostic) -> [[UInt8]] {
  var archive = ZipWriter(place: place)
  for (name, array) in arrays {
    try archive.add(
      name + npySuffix, npyPieces(array, place: "\(place), member '\(name)\(npySuffix)'"))
  }
  return archive.finished()
}
