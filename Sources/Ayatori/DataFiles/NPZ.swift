public import GraphIR

/// Reads every array of a NumPy `.npz` file, stored or compressed, in the file's order.
public func readNPZ(_ path: String) throws(Diagnostic) -> [(name: String, array: NDArray)] {
  try decodeNPZ(readFile(path), place: path)
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
  let archive = try ZipReader(bytes, place: place)
  var arrays: [(name: String, array: NDArray)] = []
  for entry in archive.entries {
    guard entry.name.hasSuffix(npySuffix) else {
      throw Diagnostic(
        "npz-member", "a member of the .npz file is not an array", place: place,
        expected: "names that end in '\(npySuffix)'", got: "'\(entry.name)'")
    }
    let contents = try archive.contents(of: entry)
    let array = try decodeNPY(contents, place: "\(place), member '\(entry.name)'")
    arrays.append((String(entry.name.dropLast(npySuffix.count)), array))
  }
  return arrays
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
