// node check.mjs < manifests.json: writes what is wrong with each, by the types' own schemas; and keys that they lack.
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const packages = { "keda.sh": "@kubernetes-models/keda", "monitoring.coreos.com": "@kubernetes-models/prometheus-operator" };

// What they are made of is Kubernetes' own.
const shared = ["kubernetes-models", "@kubernetes-models/apimachinery"];

function keysOf(names) {
  const folders = names.map((name) => fileURLToPath(import.meta.resolve(name)).replace(/index\.js$/, "_schemas/"));
  const files = folders.flatMap((folder) => readdirSync(folder).map((file) => folder + file));
  const text = files.map((file) => readFileSync(file, "utf8")).join("");
  return new Set(Array.from(text.matchAll(/data\d*\.([A-Za-z]\w*)/g), (found) => found[1]));
}

// Keys under metadata and labels are the user's.
function* keys(value) {
  if (Array.isArray(value)) for (const each of value) yield* keys(each);
  else if (value && typeof value === "object")
    for (const [key, below] of Object.entries(value)) {
      yield key;
      if (!["metadata", "matchLabels", "labels", "annotations"].includes(key)) yield* keys(below);
    }
}

for (const manifest of JSON.parse(readFileSync(0, "utf8"))) {
  const [group, version] = manifest.apiVersion.split("/");
  const kinds = await import(`${packages[group]}/${group}/${version}`);
  const said = (text) => console.log(`${manifest.kind}: ${text}`);
  try {
    new kinds[manifest.kind](manifest).validate();
  } catch (error) {
    said(error.message);
  }
  const known = keysOf([packages[group], ...shared]);
  for (const key of keys(manifest)) if (!known.has(key)) said(`${key} is not a key`);
}
