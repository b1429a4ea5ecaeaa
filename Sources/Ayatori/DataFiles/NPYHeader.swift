import GraphIR

/// The dict at the head of a `.npy` file.
///
/// Source: NumPy Enhancement Proposal 1 and `numpy.lib.format`. The text is a Python dict literal
/// with exactly the keys `descr`, `fortran_order` and `shape`.
struct NPYHeader: Equatable {
  var descr: String
  var fortranOrder: Bool
  var shape: [Int]

  /// NumPy's `NPY_MAXDIMS` since 2.0.
  static let maximumRank = 64

  /// The text as `numpy.save` writes it, room for a growing first axis included, so that equal
  /// arrays give equal files.
  var text: String {
    let dims = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    let order = fortranOrder ? "True" : "False"
    let text = "{'descr': '\(descr)', 'fortran_order': \(order), 'shape': (\(dims)), }"
    guard let growing = fortranOrder ? shape.last : shape.first else { return text }
    // GROWTH_AXIS_MAX_DIGITS in numpy/lib/_format_impl.py.
    return text + String(repeating: " ", count: max(0, 21 - String(growing).count))
  }
}

/// A strict parser of that literal: nothing is evaluated and anything else is refused.
struct NPYHeaderParser {
  private let bytes: ArraySlice<UInt8>
  private let place: String
  private var position: Int

  init(_ bytes: ArraySlice<UInt8>, place: String) {
    self.bytes = bytes
    self.place = place
    position = bytes.startIndex
  }

  /// The header. Every key must be there once, in any order; blanks may follow.
  mutating func parse() throws(Diagnostic) -> NPYHeader {
    var descr: String?
    var fortranOrder: Bool?
    var shape: [Int]?
    try expect("{")
    while !accept("}") {
      let start = position
      switch try string() {
      case "descr" where descr == nil:
        try expect(":")
        descr = try description()
      case "fortran_order" where fortranOrder == nil:
        try expect(":")
        fortranOrder = try truth()
      case "shape" where shape == nil:
        try expect(":")
        shape = try tuple()
      case let key:
        throw problem(
          expected: "each of 'descr', 'fortran_order' and 'shape' once", got: "'\(key)'", at: start)
      }
      if !accept(",") {
        try expect("}")
        break
      }
    }
    skipBlanks()
    guard position == bytes.endIndex else { throw problem(expected: "the end of the header") }
    guard let descr, let fortranOrder, let shape else {
      let missing = [
        descr == nil ? "descr" : nil, fortranOrder == nil ? "fortran_order" : nil,
        shape == nil ? "shape" : nil,
      ]
      throw problem(
        expected: "the keys 'descr', 'fortran_order' and 'shape'",
        got: "no '" + missing.compactMap(\.self).joined(separator: "', no '") + "'")
    }
    return NPYHeader(descr: descr, fortranOrder: fortranOrder, shape: shape)
  }

  private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

  private mutating func skipBlanks() {
    while let byte = next, byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
  }

  private mutating func accept(_ mark: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard let byte = next, UInt32(byte) == mark.value else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ mark: Unicode.Scalar) throws(Diagnostic) {
    guard accept(mark) else { throw problem(expected: "'\(mark)'") }
  }

  /// A string in single or double quotes; printable ASCII without escapes, as NumPy writes them.
  private mutating func string() throws(Diagnostic) -> String {
    let quote: UInt8
    if accept("'") {
      quote = 0x27
    } else if accept("\"") {
      quote = 0x22
    } else {
      throw problem(expected: "a string in quotes")
    }
    let start = position
    while let byte = next, byte != quote {
      guard (0x20..<0x7F).contains(byte), byte != 0x5C else {
        throw problem(expected: "printable ASCII without escapes")
      }
      position += 1
    }
    guard next == quote else { throw problem(expected: "the end of the string") }
    defer { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// The dtype; a list there is NumPy's way to write a record.
  private mutating func description() throws(Diagnostic) -> String {
    skipBlanks()
    if next == 0x5B {
      throw Diagnostic(
        "npy-dtype", "the array holds records (a structured dtype), which Ayatori does not read",
        place: "\(place), byte \(position)", fix: "save each field as an array of its own")
    }
    return try string()
  }

  private mutating func truth() throws(Diagnostic) -> Bool {
    skipBlanks()
    for (word, value) in [("True", true), ("False", false)]
    where bytes[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw problem(expected: "True or False")
  }

  /// `()`, `(3,)`, `(3, 4)`; Python 2 put an `L` after a large number.
  private mutating func tuple() throws(Diagnostic) -> [Int] {
    try expect("(")
    var dims: [Int] = []
    while !accept(")") {
      dims.append(try integer())
      if dims.count > NPYHeader.maximumRank {
        throw problem(expected: "at most \(NPYHeader.maximumRank) axes", got: "more")
      }
      _ = accept("L")
      if !accept(",") {
        // `(3)` is a number in Python, not a tuple.
        if dims.count == 1 { throw problem(expected: "','") }
        try expect(")")
        break
      }
    }
    return dims
  }

  private mutating func integer() throws(Diagnostic) -> Int {
    skipBlanks()
    let start = position
    while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
    guard position > start else { throw problem(expected: "a size, zero or more") }
    let digits = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let value = Int(digits) else {
      throw problem(
        expected: "a size that fits in 64 bits", got: "\(digits.count) digits", at: start)
    }
    return value
  }

  private func problem(
    expected: String, got: String? = nil, at offset: Int? = nil
  ) -> Diagnostic {
    let offset = offset ?? position
    let found =
      offset < bytes.endIndex
      ? "'" + String(decoding: bytes[offset...].prefix(12), as: UTF8.self) + "'"
      : "the end of the header"
    return Diagnostic(
      "npy-header", "the .npy header is not the dict that NumPy writes",
      place: "\(place), byte \(offset)", expected: expected, got: got ?? found)
  }
}
