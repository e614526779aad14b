# Insider threat: few may know, access ends without a sign, evidence must stand before a court.
# Facts: privileged, employed, remote_access, data_taken, malicious, personal_data.
package incident.playbooks.insider_threat

import data.incident.facts
import rego.v1

title := "Insider threat response"

version := "1.0.0"

default severity := "medium"

severity := "high" if {
	some name in ["privileged", "data_taken", "malicious"]
	facts.is(name)
	not worst
}

severity := "critical" if worst

worst if {
	facts.is("privileged")
	facts.is("malicious")
}

default careless := true

careless := false if facts.is("malicious")

actions := facts.chosen([
	{
		"applies": true, "id": "need-to-know", "type": "note", "phase": "detection", "priority": "critical",
		"title": "Only those who must know are told",
		"description": "The response is led with personnel and legal; the person concerned and those around them take no part in it.",
	},
	{
		"applies": true, "id": "involve", "type": "task", "phase": "detection", "priority": "critical",
		"title": "Involve personnel, legal and the data protection officer",
		"description": "What may be looked at, and whether a works council has a say, is settled before anything is looked at.",
		"due_in_minutes": 120,
	},
	{
		"applies": true, "id": "preserve", "type": "task", "phase": "analysis", "priority": "critical",
		"title": "Preserve accounts, mail and devices without a sign",
		"description": sprintf("Holds and images rather than searches; a custody record from the first minute for %s.", [facts.systems_named]),
		"due_in_minutes": 240,
	},
	{
		"applies": facts.is("privileged"), "id": "privileges", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Take privileged access back",
		"description": "All at once and at an agreed minute: administrators' accounts, keys, shared secrets, break-glass accounts.",
		"due_in_minutes": 60,
	},
	{
		"applies": facts.is("malicious"), "id": "suspend", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Suspend every access together with the conversation",
		"description": "Sign-in, remote access, badges, company devices; personal belongings under witnesses.",
		"due_in_minutes": 120,
	},
	{
		"applies": facts.is("remote_access"), "id": "sessions", "type": "task", "phase": "containment", "priority": "high",
		"title": "End remote sessions and collect the devices",
		"description": "Tokens and VPN profiles as well as passwords.",
		"due_in_minutes": 120,
	},
	{
		"applies": facts.is("data_taken"), "id": "recover-data", "type": "task", "phase": "containment", "priority": "high",
		"title": "Find out where the data went and have it returned",
		"description": "Media, private mail, cloud stores, the next employer: by lawyers, with a declaration of deletion.",
		"due_in_minutes": 1440,
	},
	{
		"applies": true, "id": "trace", "type": "task", "phase": "analysis", "priority": "high",
		"title": "Trace what was done, since when and with whom",
		"description": "Changes, downloads, accounts that were made; look for doors that were left open.",
		"due_in_minutes": 1440,
	},
	{
		"applies": careless, "id": "talk", "type": "task", "phase": "post_incident", "priority": "medium",
		"title": "Talk about it and train",
		"description": "Most of it is carelessness: change what made it easy before blaming who did it.",
		"due_in_minutes": 10080,
	},
	{
		"applies": facts.personal_data, "id": "notify-authority", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Judge whether the supervisory authority is to be notified",
		"description": "Access without right to personal data is a breach: within 72 hours of becoming aware (GDPR Art. 33).",
		"due_in_minutes": 4320, "due_from": "detected_at",
	},
])
