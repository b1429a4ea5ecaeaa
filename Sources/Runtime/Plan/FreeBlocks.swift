/// The free stretches of an arena that has no end: taken and given back in O(log n).
///
/// A treap (Seidel & Aragon 1996), ordered by offset or by size, each subtree knowing the largest
/// block in it. Neighbours that are both free become one block.
struct FreeBlocks {
  /// Which of the blocks that are large enough is taken.
  enum Fit: Sendable {
    /// The one with the lowest offset.
    case first
    /// The smallest one, of those the one with the lowest offset.
    case best
  }

  private struct Block {
    var offset: Int
    var bytes: Int
    /// The largest block of the subtree.
    var largest: Int
    var priority: UInt64
    var left = -1
    var right = -1
  }

  private let fit: Fit
  private var blocks: [Block] = []
  private var unused: [Int] = []
  private var root = -1
  /// Sizes by first byte, and first bytes by the byte after the last.
  private var sizes: [Int: Int] = [:]
  private var starts: [Int: Int] = [:]
  private var random: UInt64 = 0
  /// The highest byte that was ever in use, and with it the size of the arena.
  private(set) var top = 0

  init(_ fit: Fit) { self.fit = fit }

  /// Takes `bytes` bytes and returns their offset.
  mutating func take(_ bytes: Int) -> Int {
    if let block = firstFitting(bytes) {
      let (offset, size) = (blocks[block].offset, blocks[block].bytes)
      remove(offset, size)
      if size > bytes { insert(offset + bytes, size - bytes) }
      return offset
    }
    var offset = top
    if let start = starts[top], let size = sizes[start] {
      // The block at the top grows.
      remove(start, size)
      offset = start
    }
    top = offset + bytes
    return offset
  }

  mutating func giveBack(_ offset: Int, _ bytes: Int) {
    var (offset, end) = (offset, offset + bytes)
    if let start = starts[offset], let size = sizes[start] {
      remove(start, size)
      offset = start
    }
    if let size = sizes[end] {
      remove(end, size)
      end += size
    }
    insert(offset, end - offset)
  }

  // MARK: The tree

  private func isBefore(_ block: Block, _ offset: Int, _ bytes: Int) -> Bool {
    switch fit {
    case .first: block.offset < offset
    case .best: (block.bytes, block.offset) < (bytes, offset)
    }
  }

  /// The first block in the tree's order that is large enough.
  private func firstFitting(_ bytes: Int) -> Int? {
    guard root >= 0, blocks[root].largest >= bytes else { return nil }
    var place = root
    while true {
      let block = blocks[place]
      if block.left >= 0, blocks[block.left].largest >= bytes {
        place = block.left
      } else if block.bytes >= bytes {
        return place
      } else {
        place = block.right
      }
    }
  }

  private mutating func insert(_ offset: Int, _ bytes: Int) {
    sizes[offset] = bytes
    starts[offset + bytes] = offset
    // Any spread-out numbers do: a Weyl sequence through SplitMix64's mixer.
    random &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (random ^ (random >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    let block = Block(offset: offset, bytes: bytes, largest: bytes, priority: mixed)
    let new: Int
    if let free = unused.popLast() {
      blocks[free] = block
      new = free
    } else {
      blocks.append(block)
      new = blocks.count - 1
    }
    let (low, high) = split(root, offset, bytes)
    root = merge(merge(low, new), high)
  }

  private mutating func remove(_ offset: Int, _ bytes: Int) {
    sizes[offset] = nil
    starts[offset + bytes] = nil
    let (low, rest) = split(root, offset, bytes)
    // The block itself is the least of the rest; the key after it differs in the last place.
    let (block, high) = split(rest, offset + 1, bytes)
    unused.append(block)
    root = merge(low, high)
  }

  /// What stands before the key, and the rest.
  private mutating func split(_ tree: Int, _ offset: Int, _ bytes: Int) -> (Int, Int) {
    guard tree >= 0 else { return (-1, -1) }
    if isBefore(blocks[tree], offset, bytes) {
      let (low, high) = split(blocks[tree].right, offset, bytes)
      blocks[tree].right = low
      update(tree)
      return (tree, high)
    }
    let (low, high) = split(blocks[tree].left, offset, bytes)
    blocks[tree].left = high
    update(tree)
    return (low, tree)
  }

  private mutating func merge(_ low: Int, _ high: Int) -> Int {
    guard low >= 0 else { return high }
    guard high >= 0 else { return low }
    if blocks[low].priority >= blocks[high].priority {
      blocks[low].right = merge(blocks[low].right, high)
      update(low)
      return low
    }
    blocks[high].left = merge(low, blocks[high].left)
    update(high)
    return high
  }

  private mutating func update(_ tree: Int) {
    let (left, right) = (blocks[tree].left, blocks[tree].right)
    var largest = blocks[tree].bytes
    if left >= 0 { largest = max(largest, blocks[left].largest) }
    if right >= 0 { largest = max(largest, blocks[right].largest) }
    blocks[tree].largest = largest
  }
}
