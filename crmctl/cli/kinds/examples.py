"""Examples under the help of ``crmctl KIND add``, for kinds whose first record takes more than a name."""

from __future__ import annotations

ADD = {
    "followup": "\b\n"
    "  crmctl followup add 'Send the offer' --customer ada-lovelace --due fri\n"
    "  crmctl followup add 'Send the statement' --customer ada-lovelace --due eom --repeat 1m",
    "sequence": "Its steps come by crmctl sequence edit; crmctl schema sequence says what they take.\n\n"
    "\b\n"
    "  crmctl sequence add Welcome --set purpose=service\n"
    "  crmctl sequence edit welcome",
}
