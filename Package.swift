// swift-tools-version: 6.2
// One section a target and its tests, in the order of processing. What each may import is
// checked by Tests/HouseTests against the table in the DocC page "The house".

import PackageDescription

let swift: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "ayatori",
  products: [
    .library(name: "Ayatori", targets: ["Ayatori"]),
    .library(name: "VAE", targets: ["VAE"]),
    .executable(name: "ayatori", targets: ["AyatoriCLI"]),
  ],
  traits: [
    .trait(
      name: "PoisonFreedMemory",
      description: "Fills memory with NaN as soon as the memory plan says that it is free.")
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2"),
  ],
  targets: [
    // MARK: System libraries and C loops
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CCairo", pkgConfig: "cairo", providers: [.apt(["libcairo2-dev"])]),
    .target(
      name: "CKernels", cSettings: [.define("_GNU_SOURCE")], linkerSettings: [.linkedLibrary("m")]),

    // MARK: GraphIR
    .target(name: "GraphIR", swiftSettings: swift),
    .testTarget(
      name: "GraphIRTests", dependencies: ["GraphIR", "GraphOps"], exclude: ["Fixtures"],
      swiftSettings: swift),

    // MARK: GraphOps
    .target(
      name: "GraphOps", dependencies: ["GraphIR", "CKernels", "COpenBLAS"], swiftSettings: swift),
    .testTarget(
      name: "GraphOpsTests",
      dependencies: ["GraphIR", "CKernels", "GraphOps", "Autodiff", "Passes", "Runtime"],
      exclude: ["Fixtures"],
      swiftSettings: swift),

    // MARK: Autodiff
    .target(name: "Autodiff", dependencies: ["GraphIR", "GraphOps"], swiftSettings: swift),
    .testTarget(
      name: "AutodiffTests", dependencies: ["GraphIR", "GraphOps", "Autodiff", "Runtime"],
      swiftSettings: swift),

    // MARK: Passes
    .target(name: "Passes", dependencies: ["GraphIR", "GraphOps"], swiftSettings: swift),
    .testTarget(
      name: "PassesTests",
      dependencies: ["GraphIR", "GraphOps", "Autodiff", "Passes", "Runtime"],
      exclude: ["Fixtures"],
      swiftSettings: swift),

    // MARK: Runtime
    .target(name: "Runtime", dependencies: ["GraphIR", "GraphOps"], swiftSettings: swift),
    .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
    .testTarget(
      name: "RuntimeTests",
      dependencies: ["GraphIR", "GraphOps", "Passes", "Runtime", "CAllocationCounter"],
      swiftSettings: swift),

    // MARK: Drawing
    .target(name: "Drawing", dependencies: ["GraphIR", "CCairo"], swiftSettings: swift),
    .testTarget(
      name: "DrawingTests", dependencies: ["GraphIR", "Drawing"], swiftSettings: swift),

    // MARK: Ayatori, the façade
    .target(
      name: "Ayatori",
      dependencies: [
        "GraphIR", "GraphOps", "Autodiff", "Passes", "Runtime", "Drawing", "CZlib",
      ],
      swiftSettings: swift),
    .testTarget(
      name: "AyatoriTests", dependencies: ["Ayatori"], exclude: ["Fixtures"], swiftSettings: swift),

    // MARK: VAE
    .target(name: "VAE", dependencies: ["Ayatori", "Drawing"], swiftSettings: swift),
    .testTarget(
      name: "VAETests", dependencies: ["Ayatori", "VAE"], exclude: ["Fixtures"],
      swiftSettings: swift),

    // MARK: AyatoriCLI
    .executableTarget(
      name: "AyatoriCLI",
      dependencies: [
        "Ayatori", "VAE", "Drawing",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ],
      swiftSettings: swift),
    .executableTarget(name: "measure-peak", path: "Tests/MeasurePeak"),
    .testTarget(
      name: "CLITests", dependencies: ["AyatoriCLI", "Ayatori", "VAE"],
      swiftSettings: swift),

    // MARK: The house itself
    .testTarget(
      name: "HouseTests", dependencies: ["GraphIR", "GraphOps", "Ayatori"], swiftSettings: swift),
  ]
)
