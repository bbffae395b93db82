// What Microsoft's language service for Kusto says of queries: {tables: {name: schema}, queries: [text]} in, a list of complaints
// for each query out. Its scripts put `Kusto` among the globals.
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");
const { GlobalState, KustoCode, Symbols } = Kusto.Language;

const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
const tables = Object.entries(asked.tables).map(([name, schema]) => new Symbols.TableSymbol.$ctor7(name, schema, null));
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("workspace", tables));

function complaints(query) {
  const found = KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
  return Array.from({ length: found.Count }, (_, place) => {
    const one = found.getItem(place);
    return `${one.Severity}: ${one.Message} At: ${query.slice(one.Start, one.Start + 40)}`;
  });
}

process.stdout.write(JSON.stringify(asked.queries.map(complaints)));
