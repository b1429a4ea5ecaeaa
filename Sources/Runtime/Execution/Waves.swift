/// Phases in waves: those of one wave touch nothing of each other's, so that threads need to meet
/// only between waves.
struct Waves {
  /// The phases by number, in the order of execution, and where each wave ends.
  private(set) var order: [Int] = []
  private(set) var ends: [Int] = []
  private var waveOfPhase: [Int] = []

  func wave(of phase: Int) -> Int { waveOfPhase[phase] }

  /// Each phase goes into the first wave after all those with which it conflicts. Within a wave the
  /// order does not matter; `reversed` turns it round, for tests of that.
  init(_ phases: [Phase], reversed: Bool = false) {
    // The memory as stretches that no span begins or ends within.
    var edges: [UInt] = []
    for phase in phases {
      for span in phase.reads + phase.writes where span.start < span.end {
        edges.append(span.start)
        edges.append(span.end)
      }
    }
    edges.sort()
    var count = 0
    for edge in edges where count == 0 || edges[count - 1] != edge {
      edges[count] = edge
      count += 1
    }
    edges.removeLast(edges.count - count)

    func place(_ edge: UInt) -> Int {
      var (low, high) = (0, edges.count)
      while low < high {
        let middle = (low + high) / 2
        if edges[middle] < edge { low = middle + 1 } else { high = middle }
      }
      return low
    }

    // The last wave that reads or writes each stretch; −1 for none.
    var read = [Int](repeating: -1, count: edges.count)
    var written = read
    var waves: [[Int]] = []
    for (number, phase) in phases.enumerated() {
      let reads = phase.reads.filter { $0.start < $0.end }.map { place($0.start)..<place($0.end) }
      let writes = phase.writes.filter { $0.start < $0.end }.map { place($0.start)..<place($0.end) }
      var wave = 0
      for range in reads {
        for stretch in range { wave = max(wave, written[stretch] + 1) }
      }
      for range in writes {
        for stretch in range { wave = max(wave, written[stretch] + 1, read[stretch] + 1) }
      }
      for range in reads {
        for stretch in range { read[stretch] = max(read[stretch], wave) }
      }
      for range in writes {
        for stretch in range { written[stretch] = wave }
      }
      while waves.count <= wave { waves.append([]) }
      waves[wave].append(number)
      waveOfPhase.append(wave)
    }
    for wave in waves {
      order += reversed ? wave.reversed() : wave
      ends.append(order.count)
    }
  }
}
