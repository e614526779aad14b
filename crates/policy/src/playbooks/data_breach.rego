# Data breach: end the disclosure, learn whose data it was, tell whom the law wants told.
# Facts: ongoing, public, personal_data, affected_records, special_categories, encrypted_data, card_data, processor (who
# processed it for us).
package incident.playbooks.data_breach

import data.incident.facts
import rego.v1

title := "Data breach response"

version := "1.0.0"

default severity := "medium"

severity := "high" if {
	facts.personal_data
	not very_grave
}

severity := "critical" if very_grave

very_grave if facts.is("special_categories")

very_grave if facts.fact("affected_records") >= 10000

very_grave if {
	facts.is("public")
	facts.personal_data
}

# Data that nobody can read is a lesser risk to people.
default high_risk := false

high_risk if {
	very_grave
	not facts.is("encrypted_data")
}

actions := facts.chosen([
	{
		"applies": true, "id": "stop", "type": "task", "phase": "containment", "priority": "critical",
		"title": "End the disclosure",
		"description": sprintf("Close the access, revoke keys and shares of %s; keep logs and settings as they are for evidence.", [facts.systems_named]),
		"due_in_minutes": 30,
	},
	{
		"applies": facts.is("public"), "id": "take-down", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Have published copies taken down",
		"description": "Hosts, search engines, archives; note where it was seen and when.",
		"due_in_minutes": 120,
	},
	{
		"applies": true, "id": "preserve", "type": "task", "phase": "analysis", "priority": "high",
		"title": "Preserve the logs of who had access",
		"description": "Before they are rotated away: application, storage, identity provider, network.",
		"due_in_minutes": 120,
	},
	{
		"applies": true, "id": "scope", "type": "task", "phase": "analysis", "priority": "critical",
		"title": "Establish whose data, which kinds and how many records",
		"description": "Say what is known, what is assumed and what cannot be known; keep the count in the incident.",
		"due_in_minutes": 480,
	},
	{
		"applies": facts.personal_data, "id": "notify-authority", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Notify the supervisory authority, or write down why not",
		"description": "Within 72 hours of becoming aware, in stages where not all is known (GDPR Art. 33).",
		"due_in_minutes": 4320, "due_from": "detected_at",
	},
	{
		"applies": high_risk, "id": "notify-people", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Tell the people concerned",
		"description": "In plain language, without undue delay: what happened, what it may mean, what they can do (GDPR Art. 34).",
		"due_in_minutes": 4320, "due_from": "detected_at",
	},
	{
		"applies": facts.is("processor"), "id": "notify-controller", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Ask the processor for its report and hold it to its contract",
		"description": "It owes notice without undue delay (GDPR Art. 33(2)); note when it came.",
		"due_in_minutes": 240,
	},
	{
		"applies": facts.is("card_data"), "id": "notify-acquirer", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Tell the acquirer and the card brands",
		"description": "At once, by their procedures; do not switch systems off before a forensic investigator agrees.",
		"due_in_minutes": 60,
	},
	{
		"applies": true, "id": "close-cause", "type": "task", "phase": "eradication", "priority": "high",
		"title": "Remove the cause, and look for the same cause elsewhere",
		"description": "The flaw, the setting or the practice by which it could happen.",
		"due_in_minutes": 2880,
	},
	{
		"applies": facts.is("encrypted_data"), "id": "keys", "type": "note", "phase": "analysis", "priority": "medium",
		"title": "The data was encrypted",
		"description": "That lessens the risk only while the keys are safe: say how that is known.",
	},
])
