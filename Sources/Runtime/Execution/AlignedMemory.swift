import Foundation

/// A block of zeroed memory that starts at a cache line.
final class AlignedMemory {
  let base: UnsafeMutableRawPointer
  let bytes: Int

  /// Nil when the system has not that much to give: the block is touched at once, and a promise
  /// that cannot be kept would end the process later.
  init?(bytes: Int) {
    self.bytes = max(bytes, MemoryPlan.alignment)
    if self.bytes > AlignedMemory.small, let available = AlignedMemory.available,
      self.bytes > available
    {
      return nil
    }
    let isLarge = self.bytes >= AlignedMemory.hugePage
    let alignment = isLarge ? AlignedMemory.hugePage : MemoryPlan.alignment
    var pointer: UnsafeMutableRawPointer?
    guard posix_memalign(&pointer, alignment, self.bytes) == 0, let pointer else { return nil }
    // A step reads matrices across their rows, each in a page of its own: more small pages than the
    // CPU keeps the addresses of. A system without huge pages goes on with small ones.
    if isLarge { madvise(pointer, self.bytes, MADV_HUGEPAGE) }
    base = pointer
    base.initializeMemory(as: UInt8.self, repeating: 0, count: self.bytes)
  }

  private static let hugePage = 2 << 20

  /// What is had for the asking: to look up what is free would take longer than to touch it.
  private static let small = 1 << 24

  deinit { free(base) }

  /// Bytes that can be had without swapping, as Linux estimates them (proc(5), `MemAvailable`).
  private static var available: Int? {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8) else {
      return nil
    }
    for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
    return nil
  }
}
