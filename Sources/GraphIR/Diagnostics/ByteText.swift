/// A number of bytes as people read it, with three digits: `640 B`, `9.77 KiB`, `97.7 MiB`.
package func byteText(_ bytes: Int) -> String {
  var value = Double(bytes)
  var unit = 0
  let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
  while value.magnitude >= 1024, unit < units.count - 1 {
    value /= 1024
    unit += 1
  }
  if unit == 0 { return "\(bytes) B" }
  let decimals = value.magnitude < 9.995 ? 2 : value.magnitude < 99.95 ? 1 : 0
  return fixed(value, decimals: decimals) + " " + units[unit]
}

/// A number with a fixed count of decimals, in any locale the same: `1.050`.
package func fixed(_ value: Double, decimals: Int) -> String {
  guard value.isFinite, value.magnitude < 1e15 else { return "\(value)" }
  var power = 1
  for _ in 0..<decimals { power *= 10 }
  let scaled = Int((value.magnitude * Double(power)).rounded())
  let sign = value < 0 && scaled > 0 ? "-" : ""
  guard decimals > 0 else { return sign + "\(scaled)" }
  let rest = "\(scaled % power)"
  return sign + "\(scaled / power)." + String(repeating: "0", count: decimals - rest.count) + rest
}
