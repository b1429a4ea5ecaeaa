import Foundation
import GraphIR
public import Runtime

/// A profile against what the machine can do at best, in the order of execution.
public struct ProfileTable: Sendable, Encodable {
  public struct Row: Sendable, Encodable {
    /// The number of the step in the plan, from 1; nil for copies before and after.
    public var step: Int?
    /// `whole`, `product`, `blocks`, `carried` (both), `totals`, `copy` or `refill`.
    public var part: String
    /// What the step computes, as messages mention it.
    public var nodes: [String]
    public var wave: Int
    public var units: Int
    public var microseconds: Double
    public var busyMicroseconds: Double
    public var flops: Int
    public var bytes: Int
    /// The time that the machine needs at least, over the time that it took.
    public var shareOfLimit: Double
    /// Of the time of all phases.
    public var shareOfTime: Double
  }

  public var threads: Int
  public var runs: Int
  public var waves: Int
  public var microseconds: Double
  public var limits: MachineLimits
  public var rows: [Row]

  public init(_ profile: RunProfile, of program: Program, limits: MachineLimits) {
    threads = profile.threads
    runs = profile.runs
    waves = profile.waves
    microseconds = profile.seconds * 1e6
    self.limits = limits
    let total = profile.phases.reduce(0) { $0 + $1.busySeconds }
    let order = profile.phases.enumerated().sorted {
      ($0.element.wave, $0.offset) < ($1.element.wave, $1.offset)
    }
    rows = order.map { _, phase in
      let best = limits.seconds(flops: phase.flops, bytes: phase.bytes)
      // What ran on one thread could have run on all: so the time of all threads counts.
      let spent = max(phase.seconds, phase.busySeconds / Double(profile.threads))
      return Row(
        step: phase.step.map { $0 + 1 }, part: phase.part,
        nodes: phase.nodes.map { program.graph[$0].mention }, wave: phase.wave,
        units: phase.units, microseconds: phase.seconds * 1e6,
        busyMicroseconds: phase.busySeconds * 1e6, flops: phase.flops, bytes: phase.bytes,
        shareOfLimit: spent > 0 ? best / spent : 0,
        shareOfTime: total > 0 ? phase.busySeconds / total : 0)
    }
  }

  /// The events of a profile as a Chrome trace, which Perfetto and chrome://tracing open: a track a
  /// thread, a box for each piece of work. Times are microseconds.
  public static func trace(_ profile: RunProfile, of program: Program) throws -> [UInt8] {
    struct Event: Encodable {
      var name: String
      var cat: String
      var ph = "X"
      var ts: Double
      var dur: Double
      var pid = 1
      var tid: Int
      var args: [String: String]
    }
    struct Meta: Encodable {
      var name = "thread_name"
      var ph = "M"
      var pid = 1
      var tid: Int
      var args: [String: String]
    }
    struct Trace: Encodable {
      var traceEvents: [AnyEncodable]
      var displayTimeUnit = "ns"
    }
    struct AnyEncodable: Encodable {
      var value: any Encodable

      func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
    }
    let first = profile.events.map(\.start).min() ?? 0
    var events: [AnyEncodable] = (0..<profile.threads).map {
      AnyEncodable(value: Meta(tid: $0, args: ["name": $0 == 0 ? "caller" : "worker \($0)"]))
    }
    for event in profile.events {
      let phase = profile.phases[event.phase]
      let nodes = phase.nodes.map { program.graph[$0].mention }
      let place = phase.step.map { "step \($0 + 1)" } ?? "plan"
      events.append(
        AnyEncodable(
          value: Event(
            name: (nodes.last ?? place) + (phase.part == "whole" ? "" : " (\(phase.part))"),
            cat: phase.part, ts: (event.start - first) * 1e6,
            dur: (event.end - event.start) * 1e6, tid: event.worker,
            args: [
              "step": place, "nodes": nodes.joined(separator: ", "), "run": "\(event.run)",
              "wave": "\(phase.wave)",
            ])))
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(Trace(traceEvents: events)))
  }
}
