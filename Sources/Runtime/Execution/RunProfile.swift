import Foundation
public import GraphIR

/// Where the time of a program's runs goes, phase by phase.
public struct RunProfile: Sendable, Encodable {
  /// A part of a step: the units that threads share between two meetings.
  public struct Phase: Sendable, Encodable {
    /// The number of the plan's step; nil for copies before and after.
    public var step: Int?
    /// `whole`, `product`, `blocks`, `carried` (both), `totals`, `copy` or `refill`.
    public var part: String
    /// The nodes that the step computes.
    public var nodes: [NodeID]
    /// After how many meetings of the threads it runs.
    public var wave: Int
    public var units: Int
    public var flops: Int
    /// What it reads and writes, each byte once.
    public var bytes: Int
    /// Seconds from the first thread's start to the last one's end; the median of the runs.
    public var seconds: Double
    /// Seconds that all threads worked on it together; the median of the runs.
    public var busySeconds: Double

    private enum CodingKeys: String, CodingKey {
      case step, part, wave, units, flops, bytes, seconds, busySeconds
    }
  }

  /// When a thread worked on a phase of one run.
  public struct Event: Sendable, Encodable {
    /// The index in `phases`.
    public var phase: Int
    public var worker: Int
    public var run: Int
    /// Seconds since the first run began.
    public var start: Double
    public var end: Double
  }

  public var threads: Int
  public var waves: Int
  public var runs: Int
  /// Seconds of a whole run; the median.
  public var seconds: Double
  public var phases: [Phase]
  /// Of the last runs.
  public var events: [Event]
}

extension BoundProgram {
  /// Runs the program `runs` times and takes down what each thread does.
  ///
  /// `prepare` is called before each run, to fill inputs. Events are kept of the last `traced`
  /// runs. Runs that are not profiled pay nothing for this. Throws as `run` does.
  public func profile(
    runs: Int, traced: Int = 3, prepare: () -> Void = {}
  ) throws(Diagnostic) -> RunProfile {
    let phases = executor.phases
    let recorder = Recorder(phases: phases.count, workers: executor.workers)
    var spans = [[Double]](repeating: [], count: phases.count)
    var busy = spans
    var totals: [Double] = []
    var events: [RunProfile.Event] = []
    let origin = Recorder.now
    for run in 0..<max(1, runs) {
      prepare()
      recorder.clear()
      let start = Recorder.now
      try self.run(step: UInt64(run), recording: recorder)
      totals.append(Double(Recorder.now - start) * 1e-9)
      var bounds = [(first: UInt64, last: UInt64, busy: UInt64)?](
        repeating: nil, count: phases.count)
      for worker in 0..<executor.workers {
        for event in recorder.events(of: worker) {
          let known = bounds[event.phase]
          bounds[event.phase] = (
            min(known?.first ?? .max, event.start), max(known?.last ?? 0, event.end),
            (known?.busy ?? 0) + event.end - event.start
          )
          if run >= runs - traced {
            events.append(
              RunProfile.Event(
                phase: event.phase, worker: worker, run: run,
                start: Double(event.start - origin) * 1e-9, end: Double(event.end - origin) * 1e-9))
          }
        }
      }
      for (index, bound) in bounds.enumerated() {
        guard let bound else { continue }
        spans[index].append(Double(bound.last - bound.first) * 1e-9)
        busy[index].append(Double(bound.busy) * 1e-9)
      }
    }
    return RunProfile(
      threads: executor.workers, waves: executor.waves.ends.count, runs: totals.count,
      seconds: median(totals),
      phases: phases.indices.map { index in
        described(
          phases[index], wave: executor.waves.wave(of: index), seconds: median(spans[index]),
          busy: median(busy[index]))
      }, events: events)
  }

  private func described(
    _ phase: Phase, wave: Int, seconds: Double, busy: Double
  ) -> RunProfile.Phase {
    let nodes = phase.step.map { plan.steps[$0].nodes } ?? []
    var flops = 0
    for id in nodes {
      let node = program.graph[id]
      guard let operation = node.operation else { continue }
      let isProduct = operation.definition.flops != nil
      let isHere =
        phase.part == .whole || phase.part == .carried || isProduct == (phase.part == .product)
      guard isHere else { continue }
      if phase.part == .totals { continue }
      let operands = node.operands.map { plan.shapes[$0.index] }
      let result = plan.shapes[id.index]
      flops +=
        operation.definition.flops?(operands, result, operation.attributes)
        ?? max(result.reduce(1, *), operands.map { $0.reduce(1, *) }.max() ?? 0)
    }
    return RunProfile.Phase(
      step: phase.step, part: phase.part.rawValue, nodes: nodes, wave: wave, units: phase.units,
      flops: flops, bytes: RunProfile.bytes(phase.reads) + RunProfile.bytes(phase.writes),
      seconds: seconds, busySeconds: busy)
  }
}

extension RunProfile {
  /// What the spans cover, each byte once.
  fileprivate static func bytes(_ spans: [Runtime.Phase.Span]) -> Int {
    var total: UInt = 0
    var end: UInt = 0
    for span in spans.sorted(by: { $0.start < $1.start }) where span.end > end {
      total += span.end - max(span.start, end)
      end = span.end
    }
    return Int(total)
  }
}

private func median(_ values: [Double]) -> Double {
  values.isEmpty ? 0 : values.sorted()[values.count / 2]
}
