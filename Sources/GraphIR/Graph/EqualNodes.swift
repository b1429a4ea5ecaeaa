/// Ids of nodes by a hash of what they compute: an open-addressing table that is asked with the
/// nodes at hand, so that it holds no copies of them.
///
/// Linear probing, with entries moved back when one goes (Knuth, TAOCP 3, 6.4, algorithm R).
package struct EqualNodes {
  private struct Slot {
    var hash: Int
    /// Negative when nothing is here.
    var id: Int32
  }

  private static let empty = Slot(hash: 0, id: -1)

  private var slots = [Slot](repeating: empty, count: 16)
  private var count = 0

  package init() {}

  private var mask: Int { slots.count - 1 }

  /// Makes room for `capacity` ids.
  package mutating func reserve(_ capacity: Int) {
    while slots.count < 2 * capacity { grow() }
  }

  /// The first id under the hash that `isEqual`, as place of the table.
  package func place(_ hash: Int, where isEqual: (NodeID) -> Bool) -> Int? {
    var place = hash & mask
    while slots[place].id >= 0 {
      if slots[place].hash == hash, isEqual(self[place]) { return place }
      place = (place + 1) & mask
    }
    return nil
  }

  /// The id at a place that `place` gave.
  package subscript(_ place: Int) -> NodeID {
    get { NodeID(Int(slots[place].id)) }
    set { slots[place].id = Int32(newValue.index) }
  }

  /// Adds an id of which no equal is here.
  package mutating func insert(_ id: NodeID, _ hash: Int) {
    count += 1
    if 4 * count > 3 * slots.count { grow() }
    put(Slot(hash: hash, id: Int32(id.index)))
  }

  private mutating func put(_ slot: Slot) {
    var place = slot.hash & mask
    while slots[place].id >= 0 { place = (place + 1) & mask }
    slots[place] = slot
  }

  private mutating func grow() {
    let old = slots
    slots = Array(repeating: EqualNodes.empty, count: 2 * old.count)
    for slot in old where slot.id >= 0 { put(slot) }
  }

  /// Takes out what stands at a place.
  package mutating func remove(at place: Int) {
    count -= 1
    var gap = place
    var next = gap
    while true {
      next = (next + 1) & mask
      if slots[next].id < 0 { break }
      // What is found by way of the gap moves into it.
      let home = slots[next].hash & mask
      if (next - home) & mask >= (next - gap) & mask {
        slots[gap] = slots[next]
        gap = next
      }
    }
    slots[gap] = EqualNodes.empty
  }
}
