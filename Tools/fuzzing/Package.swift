// swift-tools-version: 6.2
// Coverage-guided fuzzing of Ayatori. A package of its own, so that nothing of it comes with
// Ayatori. Built and driven by Tools/fuzz.

import PackageDescription

let package = Package(
  name: "fuzzing",
  dependencies: [.package(name: "ayatori", path: "../..")],
  targets: [
    .systemLibrary(name: "CFuzzer"),
    .executableTarget(
      name: "Fuzz",
      dependencies: [
        "CFuzzer", .product(name: "Ayatori", package: "ayatori"),
        .product(name: "VAE", package: "ayatori"),
      ],
      swiftSettings: [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
      ]),
  ]
)
