import Foundation
import GraphIR
import GraphOps
import Passes
import Runtime
import Synchronization
import Testing

/// Counts what the Swift runtime allocates on one thread.
///
/// `swift_allocObject`, through which every class instance, closure context and array comes, calls
/// a replaceable function once the runtime's switch for instruments is on. malloc itself cannot be
/// counted from inside the process; `malloc_info` shows what stays allocated.
private enum AllocationCounter {
  private typealias Allocate =
    @convention(c) (UnsafeRawPointer?, Int, Int) -> UnsafeMutableRawPointer?

  static let count = Atomic<Int>(0)
  static let thread = Atomic<UInt>(0)
  private static let original = Atomic<UInt>(0)

  private static let hook: Allocate = { metadata, size, mask in
    if UInt(pthread_self()) == thread.load(ordering: .relaxed) {
      count.add(1, ordering: .relaxed)
    }
    let address = UnsafeRawPointer(bitPattern: original.load(ordering: .relaxed))
    return unsafeBitCast(address, to: Allocate.self)(metadata, size, mask)
  }

  /// Allocations of `body` on this thread; nil when the runtime has no such switch.
  static func counting(_ body: () throws -> Void) rethrows -> Int? {
    guard
      let slot = dlsym(UnsafeMutableRawPointer(bitPattern: 0), "_swift_allocObject"),
      let flag = dlsym(
        UnsafeMutableRawPointer(bitPattern: 0),
        "_swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly")
    else { return nil }
    let pointer = slot.assumingMemoryBound(to: UInt.self)
    let own = unsafeBitCast(hook, to: UInt.self)
    original.store(pointer.pointee, ordering: .relaxed)
    count.store(0, ordering: .relaxed)
    thread.store(UInt(pthread_self()), ordering: .relaxed)
    pointer.pointee = own
    flag.storeBytes(of: 1, as: UInt8.self)
    defer {
      flag.storeBytes(of: 0, as: UInt8.self)
      pointer.pointee = original.load(ordering: .relaxed)
    }
    try body()
    return count.load(ordering: .relaxed)
  }
}

/// Bytes that malloc has handed out, of all threads: what the system gave less what is free.
private func bytesInUse() -> Int? {
  typealias Report = @convention(c) (Int32, UnsafeMutableRawPointer?) -> Int32
  guard let symbol = dlsym(UnsafeMutableRawPointer(bitPattern: 0), "malloc_info") else {
    return nil
  }
  var text: UnsafeMutablePointer<CChar>?
  var size = 0
  guard let stream = open_memstream(&text, &size) else { return nil }
  let status = unsafeBitCast(symbol, to: Report.self)(0, UnsafeMutableRawPointer(stream))
  fclose(stream)
  defer { free(text) }
  guard status == 0, let text else { return nil }
  // The totals of all arenas stand last.
  func total(_ tag: String) -> Int? {
    guard let found = strstr_last(text, "<\(tag)"), let attribute = strstr(found, "size=\"") else {
      return nil
    }
    return atol(attribute + 6)
  }
  guard let system = total("system type=\"current\""), let fast = total("total type=\"fast\""),
    let rest = total("total type=\"rest\""), let mapped = total("total type=\"mmap\"")
  else { return nil }
  return system + mapped - fast - rest
}

/// The last occurrence of `needle`.
private func strstr_last(
  _ text: UnsafeMutablePointer<CChar>, _ needle: String
) -> UnsafeMutablePointer<CChar>? {
  var last: UnsafeMutablePointer<CChar>?
  var from = text
  while let next = strstr(from, needle) {
    last = next
    from = next + 1
  }
  return last
}

private final class Box { var value = 0 }

@Suite(.serialized) struct AllocationTests {
  /// A small VAE's step: sampling, products, reductions, updates.
  private func step() throws -> BoundProgram {
    let builder = GraphBuilder("step")
    let n = builder.dimension("N")
    let x = builder.input("x", ValueType(.f32, [n, 8]))
    let (fc, mu) = (builder.linear("fc", from: 8, to: 6), builder.linear("mu", from: 6, to: 2))
    let z = normal("z", mean: mu(tanh(fc(x))), scale: mu(relu(fc(x))))
    let out = builder.linear("out", from: 2, to: 8)
    builder.output("loss", mean(bernoulliNLL(sigmoid(x), logits: out(z))))
    for parameter in fc.parameters + mu.parameters + out.parameters {
      builder.update(parameter, to: parameter * 0.99 - 0.1 * tanh(parameter))
    }
    let graph = try run(Pass.lowering, on: builder.build())
    return try BoundProgram(try Program(graph), sizes: ["N": 16])
  }

  @Test func theCounterCounts() throws {
    var boxes: [Box] = []
    boxes.reserveCapacity(100)
    let count = AllocationCounter.counting { for _ in 0..<100 { boxes.append(Box()) } }
    let counted = try #require(count)
    #expect(counted >= 100 && counted < 400)
    #expect(boxes.count == 100)
    let before = try #require(bytesInUse())
    let block = malloc(1 << 26)
    #expect(try #require(bytesInUse()) - before > 1 << 25)
    free(block)
  }

  /// A step allocates nothing that stays, and no object per element, per step or per run: what the
  /// Swift runtime allocates in a thousand runs is what it allocates in one.
  @Test func aStepDoesNotAllocate() throws {
    let bound = try step()
    let buffer = try #require(bound.inputBuffer("x"))
    func runs(_ count: Int) throws {
      for index in 0..<count {
        for element in 0..<buffer.count { buffer.typed(Float.self)[element] = 0.5 }
        try bound.run(step: UInt64(index))
      }
    }
    try runs(3)
    let few = try #require(try AllocationCounter.counting { try runs(10) })
    let many = try #require(try AllocationCounter.counting { try runs(110) })
    #expect(many == few, "\(few) in 10 runs, \(many) in 110")

    // Other tests allocate at the same time, so the quietest of many spans counts.
    var least = Int.max
    for _ in 0..<40 where least > 0 {
      let before = try #require(bytesInUse())
      try runs(20)
      least = min(least, try #require(bytesInUse()) - before)
    }
    #expect(least <= 0, "\(least) bytes stay after 20 runs")
    #expect(bound.scalar("loss")?.isFinite == true)
  }
}
