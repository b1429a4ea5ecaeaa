import CZlib
import GraphIR

/// Why a deflate stream could not be read; the caller words it for its format.
enum InflateFailure: Error {
  case truncated
  case corrupt(String)
  case tooLarge
  /// The file could not be read, or there was no memory for what comes out.
  case failed(Diagnostic)
}

/// What is round the deflate stream (RFC 1951).
enum InflateFraming: Int32 {
  /// Nothing, as in ZIP. zlib's negative window bits.
  case raw = -15
  /// One gzip member (RFC 1952), whose CRC-32 and length zlib checks.
  case gzip = 31
}

/// Decompresses the one stream that begins at `range.lowerBound` and appends it to `output`.
///
/// Returns where the stream ends. `output` grows as data comes out, never from a claimed size, and
/// never beyond `limit` bytes in all. With `enough` bytes it stops early, and returns where it is;
/// what came out beyond them is not dropped.
func inflate(
  _ source: ByteSource, in range: Range<Int>, framing: InflateFraming, into output: inout [UInt8],
  limit: Int, enough: Int = .max
) throws(InflateFailure) -> Int {
  // On the heap: zlib remembers the stream's address, which must not change between calls.
  let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  stream.initialize(to: z_stream())
  defer { stream.deallocate() }
  let size = Int32(MemoryLayout<z_stream>.size)
  let started = inflateInit2_(stream, framing.rawValue, ZLIB_VERSION, size)
  guard started == Z_OK else { throw .corrupt("zlib does not start (\(started))") }
  defer { inflateEnd(stream) }

  var position = range.lowerBound
  // What has been read of the stream, and where in the file that begins.
  var input: [UInt8] = []
  var origin = position
  // One byte more than may come out shows that more would.
  var chunk = [UInt8](repeating: 0, count: min(limit, 1 << 18) + 1)
  while true {
    if position == origin + input.count, position < range.upperBound {
      let end = min(range.upperBound, position + ByteSource.chunk)
      do throws(Diagnostic) { input = try source.bytes(position..<end) } catch {
        throw .failed(error)
      }
      origin = position
    }
    let offered = origin + input.count - position
    let room = chunk.count
    let consumed = position - origin
    let code = input.withUnsafeBufferPointer { source in
      chunk.withUnsafeMutableBufferPointer { target in
        // zlib's interface is not const-correct; it does not write to the input.
        let next = source.baseAddress.map { UnsafeMutablePointer(mutating: $0 + consumed) }
        stream.pointee.next_in = next
        stream.pointee.avail_in = UInt32(offered)
        stream.pointee.next_out = target.baseAddress
        stream.pointee.avail_out = UInt32(room)
        return CZlib.inflate(stream, Z_NO_FLUSH)
      }
    }
    position += offered - Int(stream.pointee.avail_in)
    let produced = room - Int(stream.pointee.avail_out)
    if output.count + produced > limit, enough == .max { throw .tooLarge }
    do throws(Diagnostic) {
      try output.append(chunk[..<produced], place: source.place)
    } catch {
      throw .failed(error)
    }
    if output.count >= enough { return position }
    switch code {
    case Z_STREAM_END: return position
    case Z_OK, Z_BUF_ERROR:
      // Room is left, so zlib stopped for want of input.
      if position == range.upperBound, produced < room { throw .truncated }
      if code == Z_BUF_ERROR, produced == 0, stream.pointee.avail_in > 0 {
        throw .corrupt("no progress")
      }
    default:
      throw .corrupt(stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(code)")
    }
  }
}

/// The CRC-32 of ZIP and gzip (ISO 3309), continued from `start`.
func crc32(_ bytes: [UInt8], continuing start: UInt32 = 0) -> UInt32 {
  bytes.withUnsafeBytes { crc32($0, continuing: start) }
}

package func crc32(_ bytes: UnsafeRawBufferPointer, continuing start: UInt32) -> UInt32 {
  // zlib takes a null pointer for a request of the starting value.
  guard let base = bytes.baseAddress, !bytes.isEmpty else { return start }
  return UInt32(
    truncatingIfNeeded: crc32_z(UInt(start), base.assumingMemoryBound(to: UInt8.self), bytes.count))
}
