extension GradientPage {
  /// The colours of the drawing follow the theme, by name of hue.
  private static let hues: String = {
    var rules: [String] = []
    for (name, hue) in namedHues {
      let (line, fill) = (hue.line.lowercased(), hue.fill.lowercased())
      rules += [
        "#p-graph [fill=\"\(fill)\"]{fill:var(--fill-\(name))}",
        "#p-graph [fill=\"\(line)\"]{fill:var(--line-\(name))}",
        "#p-graph [stroke=\"\(line)\"]{stroke:var(--line-\(name))}",
      ]
    }
    return rules.joined(separator: "\n")
  }()

  private static let namedHues: [(String, Hue)] = [
    ("orange", .orange), ("sky", .sky), ("green", .green), ("yellow", .yellow), ("blue", .blue),
    ("vermillion", .vermillion), ("purple", .purple), ("grey", .grey),
  ]

  private static let variables: String = namedHues.map { name, hue in
    "--line-\(name):light-dark(\(hue.line),color-mix(in oklab,\(hue.line) 62%,#fff));"
      + "--fill-\(name):light-dark(\(hue.fill),color-mix(in oklab,\(hue.line) 26%,#14171c));"
  }.joined(separator: "\n")

  static let style = """
    :root{color-scheme:light dark;
    --paper:light-dark(#fbfbf9,#0f1216);--card:light-dark(#fff,#161a20);
    --ink:light-dark(#16181d,#e9ebef);--soft:light-dark(#5a606b,#a2a9b5);
    --rule:light-dark(#e4e4df,#2a3038);--wash:light-dark(#f4f4f0,#1c2128);
    --root-0:light-dark(#0072b2,#5cb6ee);--root-1:light-dark(#007a5a,#3fcfa3);
    --root-2:light-dark(#9b4f7b,#e69cc4);--root-3:light-dark(#7a6f00,#e6d94a);
    --root-4:light-dark(#3a8fc4,#8ecbf0);--all:light-dark(#16181d,#f2f4f7);
    --stop:light-dark(#c25400,#ff9a57);
    \(variables)
    }
    :root[data-theme=light]{color-scheme:light}:root[data-theme=dark]{color-scheme:dark}
    *{box-sizing:border-box}
    body{margin:0;background:var(--paper);color:var(--ink);
    font:15px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;
    font-variant-numeric:tabular-nums lining-nums;-webkit-font-smoothing:antialiased}
    header,main{max-width:1360px;margin:0 auto;padding:0 28px}
    header{padding-top:34px;padding-bottom:6px}
    .top{display:flex;justify-content:space-between;align-items:flex-start;gap:20px}
    .kicker{margin:0;color:var(--soft);font-size:12px;letter-spacing:.09em;
    text-transform:uppercase}
    h1{font-size:30px;line-height:1.2;font-weight:640;letter-spacing:-.015em;margin:2px 0 6px;
    overflow-wrap:anywhere}
    h2{font-size:18px;font-weight:640;letter-spacing:-.005em;margin:0 0 4px}
    h3{font-size:13px;font-weight:640;margin:18px 0 6px}
    .facts{margin:0;color:var(--soft)}.card .facts{margin-top:10px}
    .card .scroll{margin-bottom:10px}
    .equation{font-size:19px;margin:14px 0 18px;overflow-wrap:anywhere}
    .equation b{font-weight:640}.equation .name{color:var(--soft)}
    .note{color:var(--soft);margin:0 0 14px;max-width:78ch}
    code,.mono{font-family:ui-monospace,"SF Mono",Menlo,Consolas,monospace;font-size:.9em;
    overflow-wrap:anywhere}
    button,select{font:inherit;color:inherit;background:var(--card);border:1px solid var(--rule);
    border-radius:8px;padding:4px 12px;cursor:pointer}
    button:hover{border-color:var(--soft)}
    .quiet{background:none;color:var(--soft);font-size:13px}
    :focus-visible{outline:2.5px solid var(--root-0);outline-offset:2px}
    .skip{position:absolute;left:-999px}.skip:focus{left:12px;top:12px;background:var(--card)}
    .hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
    .views{border:0;margin:0 0 14px;padding:0;display:flex;flex-wrap:wrap;gap:8px}
    .views legend{float:left;padding:5px 8px 0 0;color:var(--soft);font-size:13px}
    .views label{display:flex;align-items:center;gap:9px;padding:4px 14px 4px 10px;
    border:1px solid var(--rule);border-radius:999px;background:var(--card);cursor:pointer;
    max-width:100%;overflow-wrap:anywhere}
    .views label:has(:checked){border-color:var(--ink);box-shadow:inset 0 0 0 1px var(--ink)}
    .views label:has(:focus-visible){outline:2.5px solid var(--root-0);outline-offset:2px}
    .views input{position:absolute;opacity:0;width:0;height:0}
    .views svg{width:30px;height:12px;flex:none}
    .stage{display:grid;grid-template-columns:minmax(0,1fr) 400px;gap:18px;align-items:stretch}
    .board,aside,.card{background:var(--card);border:1px solid var(--rule);border-radius:14px}
    .board{position:relative;overflow:hidden;display:flex;flex-direction:column}
    #p-graph{height:min(78vh,860px);min-height:420px;cursor:grab;touch-action:pan-y;
    flex:1 1 auto}
    #p-graph.moving{cursor:grabbing}
    #p-graph>svg{width:100%;height:100%;display:block}
    .tools{position:absolute;right:12px;top:12px;display:flex;gap:6px;z-index:1}
    .tools button{padding:2px 10px;min-width:34px;font-size:14px}
    .key{border-top:1px solid var(--rule);padding:9px 16px;color:var(--soft);font-size:12.5px;
    display:flex;flex-wrap:wrap;gap:4px 20px;align-items:center;min-height:40px}
    .key span{display:flex;align-items:center;gap:7px}
    .key svg{width:44px;height:14px;flex:none}
    aside{padding:18px 20px;overflow:auto;max-height:min(83vh,905px)}
    aside h2{overflow-wrap:anywhere}
    .formula{margin:6px 0 8px}aside details,td details{margin:2px 0 6px}
    aside .facts{font-size:13.5px;margin:0 0 8px}
    aside .scroll{margin:0 -4px 12px}aside table{font-size:13px}
    aside th,aside td{padding:4px 0 4px 10px}aside thead th{white-space:normal}
    .members{display:flex;flex-wrap:wrap;gap:6px;margin:0 0 12px}
    .members button{font-size:13px;padding:1px 10px}
    .members [aria-pressed=true]{border-color:var(--ink)}
    #p-sections{display:grid;gap:18px;margin:18px 0 60px}
    .card{padding:20px 24px;min-width:0}
    .scroll{overflow-x:auto;margin:0 -4px;padding:0 4px}
    table{border-collapse:collapse;font-size:13.5px;width:100%}
    th,td{text-align:right;padding:5px 0 5px 13px;border-bottom:1px solid var(--rule);
    white-space:nowrap;vertical-align:baseline}
    th:first-child,td:first-child{text-align:left;padding-left:0}
    td.text,th.text{text-align:left}
    td.long{white-space:normal;min-width:20ch}
    thead th{color:var(--soft);font-weight:500;font-size:12.5px}
    tbody tr:last-child>*{border-bottom:0}
    tbody th{font-weight:500}
    tr.best>td:first-child,td.best{font-weight:680}
    tr.group>*{border-top:1px solid var(--soft)}
    .split{display:flex;height:12px;border-radius:3px;overflow:hidden;gap:2px;min-width:110px}
    .split i{display:block;min-width:2px}
    .histogram,.chart{width:100%;height:auto;display:block;overflow:visible}
    .histogram rect,.chart rect{fill:var(--soft)}
    .histogram text,.chart text{fill:var(--soft);font-size:10.5px}
    .multiples{display:grid;grid-template-columns:repeat(auto-fit,minmax(230px,1fr));gap:20px 30px}
    .multiples h3{margin-top:0}
    details{margin-top:14px}summary{cursor:pointer;color:var(--soft);font-size:13.5px}
    input[type=range]{width:100%;accent-color:var(--root-0)}
    .tag{font-size:12px;color:var(--soft)}
    #p-graph text{font-family:Helvetica,Arial,"Liberation Sans",sans-serif}
    #p-graph [fill="white"],#p-graph [fill="#ffffff"]{fill:none}
    #p-graph [fill="#111111"]{fill:var(--ink)}#p-graph [fill="black"]{fill:var(--ink)}
    #p-graph [fill="#4d4d4d"]{fill:var(--soft)}
    #p-graph [fill="#fafafa"]{fill:var(--wash)}
    #p-graph [fill="#f3f3f3"]{fill:color-mix(in oklab,var(--wash) 93%,var(--ink))}
    #p-graph [fill="#404040"]{fill:var(--soft)}#p-graph [stroke="#404040"]{stroke:var(--soft)}
    #p-graph [stroke="#9a9a9a"],#p-graph [stroke="#bbbbbb"]{stroke:var(--rule)}
    \(hues)
    #p-graph text:not([fill]){fill:var(--ink)}
    .box{cursor:pointer;outline:none;transition:opacity .18s}.edge{transition:opacity .18s}
    .flowing .edge{opacity:.22}.flowing .box.still{opacity:.42}
    .box.near>g>*{filter:brightness(1.05)}
    .ring{fill:none;stroke:none;pointer-events:none}
    .box:focus-visible .ring{stroke:var(--root-0);stroke-width:2.5}
    .box.chosen .ring{stroke:var(--ink);stroke-width:2}
    .flow{fill:none;stroke-linejoin:round;pointer-events:stroke;cursor:pointer}
    .tip{stroke:none;pointer-events:none}
    .root-0{stroke:var(--root-0)}.root-1{stroke:var(--root-1);stroke-dasharray:9 4}
    .root-2{stroke:var(--root-2);stroke-dasharray:1.5 4}
    .root-3{stroke:var(--root-3);stroke-dasharray:11 4 2 4}
    .root-4{stroke:var(--root-4);stroke-dasharray:5 3}
    .root-all{stroke:var(--all)}.root-none{stroke:var(--soft);stroke-dasharray:1 5}
    .stop{stroke:var(--stop);stroke-dasharray:none}.bar{stroke:var(--stop);stroke-width:3.4}
    text.why{fill:var(--stop);font-size:9.5px;stroke:var(--card);stroke-width:3px;
    paint-order:stroke}
    text.amount{font-size:10px;font-weight:600;stroke:var(--card);stroke-width:3.2px;
    paint-order:stroke;pointer-events:none;fill:var(--ink)}
    .detour{stroke-dasharray:2 5}
    .hull{fill:none;stroke:var(--ink);stroke-width:1.6;stroke-dasharray:7 3;pointer-events:none}
    @media (max-width:1020px){.stage{grid-template-columns:minmax(0,1fr)}aside{max-height:none}}
    @media (max-width:560px){header,main{padding-left:14px;padding-right:14px}
    header{padding-top:20px}h1{font-size:23px}.equation{font-size:16.5px}.card{padding:16px}
    #p-graph{height:66vh;min-height:320px}.views label{padding:3px 11px 3px 8px}
    .card .scroll th:first-child{position:sticky;left:0;background:var(--card);min-width:24vw;
    max-width:42vw;white-space:normal;overflow-wrap:break-word}aside{padding:16px}}
    @media (prefers-reduced-motion:reduce){*{transition:none!important}}
    @media print{:root{color-scheme:light!important}.tools,.quiet,.skip,.views legend{display:none}
    body{background:#fff;font-size:11pt}.stage{display:block}
    #p-graph{height:17cm}aside{max-height:none;margin-top:12px}
    .card,.board,aside{break-inside:avoid;border-color:#ccc}.scroll{overflow:visible}
    th,td{padding-left:8px;font-size:8.5pt}}
    """
}
