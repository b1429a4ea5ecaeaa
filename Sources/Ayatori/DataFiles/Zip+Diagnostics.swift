import GraphIR

/// What can be wrong with a ZIP archive.
extension Diagnostic {
  static func zipMagic(_ bytes: [UInt8], size: Int?, place: String) -> Diagnostic {
    let begins = bytes.starts(with: [0x50, 0x4B])
    let isNPY = bytes.starts(with: [0x93, 0x4E])
    return Diagnostic(
      begins ? "zip-truncated" : "zip-magic",
      begins ? "the ZIP archive has no end record" : "this is not a ZIP archive", place: place,
      expected: "an end record PK\\x05\\x06 that ends with the file",
      got: (size.map { "\($0) bytes" } ?? "bytes") + " without one",
      fix: begins
        ? "write or fetch the file again; it is cut short or has bytes after its end"
        : isNPY
          ? "it is a .npy, one array without a name; save it with one: np.savez('in.npz', x=array)"
          : nil)
  }

  static func zipCorrupt(
    _ message: String, expected: String, got: String, place: String
  ) -> Diagnostic {
    Diagnostic("zip-corrupt", message, place: place, expected: expected, got: got)
  }

  static func zipInflate(_ failure: InflateFailure, size: Int, place: String) -> Diagnostic {
    let got: String
    switch failure {
    case .truncated: got = "the end of the data before its end mark"
    case .corrupt(let reason): got = reason
    case .tooLarge: got = "more"
    case .failed(let diagnostic): return diagnostic
    }
    return zipCorrupt(
      "the member's compressed data is damaged", expected: "\(size) bytes", got: got, place: place)
  }

  static func zipDuplicate(_ name: String, place: String) -> Diagnostic {
    Diagnostic(
      "zip-duplicate", "two members have the name '\(name)'", place: place,
      expected: "each name once")
  }

  static func zipEncrypted(_ name: String, place: String) -> Diagnostic {
    Diagnostic(
      "zip-encrypted", "the member '\(name)' is encrypted", place: place,
      fix: "store it without a password")
  }

  static func zipMethod(_ method: UInt16, _ name: String, place: String) -> Diagnostic {
    let names: [UInt16: String] = [9: "deflate64", 12: "bzip2", 14: "LZMA", 93: "zstd", 95: "XZ"]
    return Diagnostic(
      "zip-method", "the member '\(name)' is compressed by a method that Ayatori does not read",
      place: place, expected: "stored (0) or deflate (8)",
      got: "method \(method)" + (names[method].map { ", \($0)" } ?? ""),
      fix: "write it with numpy.savez or numpy.savez_compressed")
  }

  static func zipParts(place: String) -> Diagnostic {
    Diagnostic(
      "zip-parts", "the ZIP archive is one part of several", place: place,
      expected: "an archive in one file")
  }

  static func zipSize(_ claim: String, place: String) -> Diagnostic {
    Diagnostic(
      "zip-size", "a member claims a size that cannot be", place: place,
      expected: "what the file can hold, at most \(ZipReader.outputLimit) bytes in all",
      got: claim)
  }

  static func zipDirectorySize(_ count: Int, place: String) -> Diagnostic {
    Diagnostic(
      "zip-size", "the directory of the ZIP archive is too large", place: place,
      expected: "at most \(ZipReader.directoryLimit) bytes", got: "\(count) bytes")
  }

  static func zipName(_ name: String, place: String) -> Diagnostic {
    Diagnostic(
      "zip-name", "a member's name is too long for ZIP", place: place,
      expected: "at most 65535 bytes", got: "\(name.utf8.count) bytes")
  }
}
