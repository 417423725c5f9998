// Start the page with what it was written with.

import { DigitView } from "./digit.js";
import { byId } from "./dom.js";
import { Explorer } from "./explorer.js";

const network = byId("network").textContent ?? "";
const digit = network ? new DigitView(byId("digit"), network) : null;
const explorer = new Explorer(JSON.parse(byId("given").textContent ?? "{}"), digit);

Object.assign(window, { explorer, digit });
