import CKernels
import GraphIR

/// The highest rank that the C loops walk.
let maximumRank = Int(AK_MAX_RANK)

extension ak_walk {
  /// A walk over `target` that reads each operand broadcast to it, with axes merged where possible.
  init(broadcasting operands: [[Int]], to target: [Int]) {
    self.init()
    let shape = target.isEmpty ? [1] : target
    rank = Int32(shape.count)
    withUnsafeMutableBytes(of: &self.shape) { raw in
      let dims = raw.bindMemory(to: Int64.self)
      for (axis, size) in shape.enumerated() { dims[axis] = Int64(size) }
    }
    withUnsafeMutableBytes(of: &stride) { raw in
      let strides = raw.bindMemory(to: Int64.self)
      for (position, operand) in operands.enumerated() {
        for (axis, value) in broadcastStrides(operand, to: shape).enumerated() {
          strides[position * maximumRank + axis] = Int64(value)
        }
      }
    }
    ak_walk_merge(&self, Int32(operands.count))
  }

  /// The extents after merging.
  private var extents: [Int] {
    withUnsafeBytes(of: shape) { raw in
      raw.bindMemory(to: Int64.self).prefix(Int(rank)).map { Int($0) }
    }
  }

  var rowLength: Int { extents.last ?? 1 }
  var rows: Int { extents.dropLast().reduce(1, *) }
}

extension ak_reduction {
  /// A reduction of a contiguous array, adjacent axes of one kind merged.
  init(_ shape: [Int], reducing axes: [Int]) {
    var kept: [(size: Int, stride: Int)] = []
    var reduced: [(size: Int, stride: Int)] = []
    var previousIsReduced: Bool?
    let strides = rowMajorStrides(shape)
    for (axis, size) in shape.enumerated() {
      let isReduced = axes.contains(axis)
      var group = isReduced ? reduced : kept
      if previousIsReduced == isReduced, let last = group.last {
        group[group.count - 1] = (last.size * size, strides[axis])
      } else {
        group.append((size, strides[axis]))
      }
      if isReduced { reduced = group } else { kept = group }
      previousIsReduced = isReduced
    }
    self.init(kept: kept, reduced: reduced)
  }

  /// A reduction of the last axis of a contiguous array that is broadcast to `target`.
  init(linesOf shape: [Int], broadcastTo target: [Int]) {
    let axes = zip(target, broadcastStrides(shape, to: target)).map { (size: $0, stride: $1) }
    self.init(kept: axes.dropLast(), reduced: axes.suffix(1))
  }

  private init(kept: [(size: Int, stride: Int)], reduced: [(size: Int, stride: Int)]) {
    self.init()
    kept_rank = Int32(kept.count)
    reduced_rank = Int32(reduced.count)
    withUnsafeMutableBytes(of: &kept_shape) { $0.store(kept.map(\.size)) }
    withUnsafeMutableBytes(of: &kept_stride) { $0.store(kept.map(\.stride)) }
    withUnsafeMutableBytes(of: &reduced_shape) { $0.store(reduced.map(\.size)) }
    withUnsafeMutableBytes(of: &reduced_stride) { $0.store(reduced.map(\.stride)) }
  }
}

extension UnsafeMutableRawBufferPointer {
  fileprivate func store(_ values: [Int]) {
    let target = bindMemory(to: Int64.self)
    for (index, value) in values.enumerated() { target[index] = Int64(value) }
  }
}
