import Ayatori
import Testing

/// The two VAEs against PyTorch's autograd; the fixtures are of Tools/oracle/make_vae_gradients.py.
@Suite struct OracleModelTests {
  static let small = [
    "vae_pytorch": ["D": 13, "H": 11, "Z": 3], "vae_chainer": ["D": 17, "H": 9, "Z": 4],
  ]

  @Test(arguments: ["vae_pytorch", "vae_chainer"], [DType.f32, .f64])
  func smallModelsMatchPyTorch(model: String, dtype: DType) throws {
    let stem = "\(model)_small_\(dtype)"
    let expected = try Oracle.arrays(
      stem + (dtype == .f32 ? "_expected_wide.npz" : "_expected.npz"))
    let parameters = try Oracle.arrays(stem + "_params.npz")
    let graph = try Oracle.graph(model, dims: Self.small[model] ?? [:], dtype: dtype)
    let got = try Oracle.run(
      graph, keys: expected.keys, inputs: Oracle.arrays(stem + "_inputs.npz"),
      parameters: parameters)

    // Outputs and gradients; every parameter and the three nodes round the draw among them.
    #expect(Set(got.keys) == Set(expected.keys))
    #expect(
      expected.keys.count { $0.hasPrefix("d_loss/d_") } == parameters.count + 3)
    for (name, wanted) in expected {
      let array = try #require(got[name])
      #expect(array.dtype == dtype && array.shape == wanted.shape, "\(name)")
      let distance = Oracle.distance(
        array.doubles, wanted.doubles, relative: dtype == .f32 ? 1e-4 : 1e-11,
        absolute: dtype == .f32 ? 1e-5 : 1e-11)
      #expect(distance <= 1, "\(name): \(distance) times the tolerance")
    }
  }

  /// The measure itself: it must notice a wrong entry, a lost sign, a NaN and a missing element.
  @Test func theToleranceNotices() {
    func distance(_ got: [Double]) -> Double {
      Oracle.distance(got, [1, -2, 1e-3], relative: 1e-4, absolute: 1e-5)
    }
    #expect(distance([1, -2, 1e-3]) == 0 && distance([1.00001, -2, 1e-3]) < 1)
    for wrong in [[1.001, -2, 1e-3], [1, 2, 1e-3], [1, .nan, 1e-3], [1, -2], [1, -2, 2e-3]] {
      #expect(distance(wrong) > 1, "\(wrong)")
    }
  }

  // MARK: Full size

  struct Fixture: Decodable {
    struct Array: Decodable {
      var shape: [Int]
      var kind: String
      var log2_scale: Int?
    }

    struct Check: Decodable {
      var fnv1a64: String
      var first: [Double]
      var last: Double
      var sum: Double
    }

    struct Summary: Decodable {
      var shape: [Int]
      /// Without it the result is a scalar, and each column its value.
      var at: [Int]?
      var f64: Column
      var wide: Column
    }

    struct Column: Decodable {
      var entries: [Double]
      var sum: Double
      var l1: Double
      var l2: Double
      var max_abs: Double
      var projection: Double

      init(from decoder: any Decoder) throws {
        if let value = try? decoder.singleValueContainer().decode(Double.self) {
          (entries, sum, l1, l2) = ([value], value, abs(value), abs(value))
          (max_abs, projection) = (abs(value), .nan)
          return
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        entries = try container.decode([Double].self, forKey: .entries)
        sum = try container.decode(Double.self, forKey: .sum)
        l1 = try container.decode(Double.self, forKey: .l1)
        l2 = try container.decode(Double.self, forKey: .l2)
        max_abs = try container.decode(Double.self, forKey: .max_abs)
        projection = try container.decode(Double.self, forKey: .projection)
      }

      enum CodingKeys: String, CodingKey {
        case entries, sum, l1, l2, max_abs, projection
      }
    }

    var dims: [String: Int]
    var arrays: [String: Array]
    var array_checks: [String: Check]
    var results: [String: Summary]
  }

  @Test(arguments: ["vae_pytorch", "vae_chainer"])
  func fullSizeModelsMatchPyTorch(model: String) throws {
    let fixture = try Oracle.json("\(model)_full.json", as: Fixture.self)
    var wide: [String: (values: [Double], shape: [Int])] = [:]
    for (name, array) in fixture.arrays {
      let values = Hashed.values(
        name, array.shape.reduce(1, *), kind: array.kind, log2Scale: array.log2_scale)
      let check = try #require(fixture.array_checks[name])
      #expect(Hashed.fnv1a64(name) == UInt64(check.fnv1a64, radix: 16))
      #expect(Array(values.prefix(check.first.count)) == check.first && values.last == check.last)
      let sum = values.reduce(0, +)
      #expect(abs(sum - check.sum) <= 1e-9 * Double(values.count), "\(name): \(sum)")
      wide[name] = (values, array.shape)
    }
    #expect(fixture.results.count >= 20)

    let inputNames: Set = ["x", "z.eps"]
    let sizes = fixture.dims.filter { $0.key != "N" }
    for dtype in [DType.f64, .f32] {
      let arrays = wide.mapValues { NDArray(converting: $0.values, to: dtype, shape: $0.shape) }
      let got = try Oracle.run(
        Oracle.graph(model, dims: sizes, dtype: dtype), keys: fixture.results.keys,
        inputs: arrays.filter { inputNames.contains($0.key) },
        parameters: arrays.filter { !inputNames.contains($0.key) })
      for (name, wanted) in fixture.results {
        let array = try #require(got[name])
        #expect(array.shape == wanted.shape, "\(name)")
        compare(
          name, array.doubles, at: wanted.at ?? [0], dtype == .f64 ? wanted.f64 : wanted.wide,
          tolerance: dtype == .f64 ? 1e-10 : 1e-5)
      }
    }
  }

  /// Entries against the largest one, what cancels against the sum of magnitudes.
  private func compare(
    _ name: String, _ values: [Double], at positions: [Int], _ wanted: Fixture.Column,
    tolerance: Double
  ) {
    let noise = Hashed.uniforms("projection/" + name, values.count)
    var (sum, l1, squares, largest, projection) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for index in values.indices {
      let value = values[index]
      sum += value
      l1 += abs(value)
      squares += value * value
      largest = max(largest, abs(value))
      projection += value * (2 * noise[index] - 1)
    }
    for (position, entry) in zip(positions, wanted.entries) {
      let error = abs(values[position] - entry)
      #expect(
        error <= tolerance * wanted.max_abs + 10 * tolerance * abs(entry),
        "\(name)[\(position)] = \(values[position]), not \(entry)")
    }
    let figures = [
      ("sum", sum, wanted.sum, wanted.l1), ("l1", l1, wanted.l1, wanted.l1),
      ("l2", squares.squareRoot(), wanted.l2, wanted.l2),
      ("max_abs", largest, wanted.max_abs, wanted.max_abs),
      ("projection", projection, wanted.projection, wanted.l1),
    ]
    // The projection of a scalar is not among the fixtures.
    for (what, got, expected, scale) in wanted.projection.isNaN ? figures.dropLast() : figures[...]
    {
      #expect(abs(got - expected) <= tolerance * scale, "\(what) of \(name): \(got), \(expected)")
    }
  }
}

/// Arrays from integers alone, the same in any language.
enum Hashed {
  static func fnv1a64(_ text: String) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return hash
  }

  /// splitmix64 of the states h, h + 1, …, as doubles in [0, 1).
  static func uniforms(_ name: String, _ count: Int) -> [Double] {
    let start = fnv1a64(name)
    return [Double](unsafeUninitializedCapacity: count) { buffer, initialized in
      var index = 0
      while index < count {
        var z = start &+ UInt64(index) &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        z = z ^ (z >> 31)
        buffer[index] = Double(z >> 11) * 0x1p-53
        index += 1
      }
      initialized = count
    }
  }

  static func values(_ name: String, _ count: Int, kind: String, log2Scale: Int?) -> [Double] {
    let uniform = uniforms(name, count)
    if kind == "sparse" { return uniform.map { $0 < 0.75 ? 0 : ($0 - 0.75) * 4 } }
    let scale = Double(sign: .plus, exponent: log2Scale ?? 0, significand: 1)
    return uniform.map { (2 * $0 - 1) * scale }
  }
}
