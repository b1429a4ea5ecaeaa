import GraphIR
import Synchronization

/// Where nodes went over a run of passes. Most runs are never asked, so that the tables are made
/// when somebody does.
final class NodeHistory: Sendable {
  struct Tables {
    var origins: [NodeID: [NodeID]] = [:]
    var makers: [NodeID: [Int]] = [:]
  }

  private struct State {
    var moves: [(places: [NodeID?], makers: [NodeID: [Int]])] = []
    /// Up to date with the moves that are gone from `moves`; nil before the first question.
    var tables: Tables?
  }

  private let state = Mutex(State())

  private let ids: [NodeID]

  /// `ids` are the nodes of the first graph.
  init(_ ids: [NodeID]) { self.ids = ids }

  func append(_ result: PassResult) {
    state.withLock { $0.moves.append((result.places, result.makers)) }
  }

  var tables: Tables {
    state.withLock { state in
      var tables =
        state.tables ?? Tables(origins: Dictionary(uniqueKeysWithValues: ids.map { ($0, [$0]) }))
      for (places, makers) in state.moves {
        tables.origins = Self.moved(tables.origins, places)
        tables.makers = Self.moved(tables.makers, places).merging(makers) { $0 + $1 }
      }
      state.moves = []
      state.tables = tables
      return tables
    }
  }

  private static func moved<T: Hashable & Comparable>(
    _ table: [NodeID: [T]], _ places: [NodeID?]
  ) -> [NodeID: [T]] {
    var new: [NodeID: [T]] = [:]
    for (id, entries) in table {
      if let place = places[id.index] { new[place, default: []] += entries }
    }
    return new.mapValues { $0.count > 1 ? Set($0).sorted() : $0 }
  }
}
