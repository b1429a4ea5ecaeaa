import GraphIR
import GraphOps
import Testing

/// Bytes by hand, for f32[4, 8]: 128 bytes an array.
@Suite struct TrafficTests {
  private func traffic(_ body: String, sizes: [String: Int] = [:]) throws -> Graph.Traffic? {
    try GraphDiffTests.graph(body).traffic(sizes: sizes)[1]
  }

  @Test func aChainReadsAndWritesOnce() throws {
    let found = try traffic(
      """
      input x: f32[4, 8]
      fused 1 { a = exp(x)  b = tanh(a)  c = b * x }
      output c
      """)
    // One by one: 128 + 128, 128 + 128, 256 + 128. As one: x and c.
    #expect(found == Graph.Traffic(before: 896, after: 256))
  }

  @Test func whatOthersNeedIsWritten() throws {
    let found = try traffic(
      """
      input x: f32[4, 8]
      fused 1 { a = exp(x)  b = tanh(a) }
      c = a + b
      output c
      """)
    #expect(found == Graph.Traffic(before: 512, after: 384))
  }

  @Test func outputsAndUpdatesAreWritten() throws {
    let found = try traffic(
      """
      input x: f32[4, 8]
      state s: f32[4, 8] init zeros
      fused 1 { a = exp(x)  b = a + s  c = b * b }
      output a
      update s = b
      """)
    // b·b reads b once; c itself nobody needs.
    #expect(found == Graph.Traffic(before: 256 + 384 + 256, after: 128 + 128 + 128 + 128))
  }

  @Test func dont_countViews() throws {
    let found = try traffic(
      """
      input x: f32[4, 8]
      fused 1 { a = exp(x)  b = stop_gradient(a)  c = tanh(b) }
      d = stop_gradient(b) + c
      output d
      """)
    // a is written since d reads its memory; the views move nothing.
    #expect(found == Graph.Traffic(before: 512, after: 128 + 128 + 128))
  }

  @Test func smallOperandsAndReductions() throws {
    let found = try traffic(
      """
      input x: f32[4, 8]
      input b: f32[8]
      fused 1 { y = x + b  s = sum(y) }
      output s
      """)
    #expect(found == Graph.Traffic(before: 128 + 32 + 128 + 128 + 4, after: 128 + 32 + 4))
  }

  @Test func dont_guessSizes() throws {
    let body = "dim N\ninput x: f32[N]\nfused 1 { a = exp(x)  b = tanh(a) }\noutput b"
    #expect(try traffic(body) == nil)
    #expect(try traffic(body, sizes: ["N": 3]) == Graph.Traffic(before: 48, after: 24))
  }

  @Test(arguments: [
    (1_572_864, 419_430, "1.5 MiB → 0.4 MiB"), (640, 128, "640 B → 128 B"),
    (2048, 1, "2.00 KiB → 1 B"), (1 << 20, 0, "1.00 MiB → 0 B"), (Int.max, Int.max, nil),
  ])
  func readsWell(_ before: Int, _ after: Int, _ text: String?) {
    let traffic = Graph.Traffic(before: before, after: after)
    if let text { #expect(traffic.description == text) } else { #expect(!"\(traffic)".isEmpty) }
  }
}
