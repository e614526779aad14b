# Ransomware: stop it spreading, keep what proves it, restore from what it did not reach.
# Facts: spreading, backups ("intact", "affected", "unknown"), exfiltration, ransom_note, personal_data.
package incident.playbooks.ransomware

import data.incident.facts
import rego.v1

title := "Ransomware response"

version := "1.0.0"

# How grave the incident should at least be taken for.
default severity := "high"

severity := "critical" if facts.is("spreading")

severity := "critical" if facts.fact("backups") == "affected"

severity := "critical" if facts.is("exfiltration")

default backups := "unknown"

backups := facts.fact("backups")

actions := facts.chosen([
	{
		"applies": true, "id": "isolate", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Take infected systems off the network",
		"description": sprintf("Disconnect %s from every network, wireless too. Leave them running: keys may still be in memory.", [facts.systems_named]),
		"due_in_minutes": 15,
	},
	{
		"applies": facts.is("spreading"), "id": "segment", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Close the paths it spreads by",
		"description": "Block SMB, RDP and remote management between segments; disable shared administrator accounts.",
		"due_in_minutes": 30,
	},
	{
		"applies": true, "id": "protect-backups", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Take the backups out of reach",
		"description": "Detach backup stores and revoke the accounts that may delete from them before anything else is restored.",
		"due_in_minutes": 30,
	},
	{
		"applies": true, "id": "preserve", "type": "task", "phase": "analysis", "priority": "high",
		"title": "Preserve memory and disk images",
		"description": "Image memory and disks of one infected system of each kind, with hashes and a custody record, before it is cleaned.",
		"due_in_minutes": 120,
	},
	{
		"applies": true, "id": "identify-strain", "type": "task", "phase": "analysis", "priority": "high",
		"title": "Identify the strain and the way in",
		"description": "From the note, the extension and the logs: which family, since when, through which account or flaw. Look for a published decryptor.",
		"due_in_minutes": 240,
	},
	{
		"applies": facts.is("exfiltration"), "id": "exfiltration", "type": "task", "phase": "analysis", "priority": "critical",
		"title": "Find out what was taken",
		"description": "Outgoing traffic and staging folders since the first sign: what data, whose, how much.",
		"due_in_minutes": 240,
	},
	{
		"applies": true, "id": "reset-credentials", "type": "task", "phase": "eradication", "priority": "high",
		"title": "Reset credentials that were within reach",
		"description": "Administrators and service accounts of the affected domain first; the ticket-granting account twice where a domain controller was reached.",
		"due_in_minutes": 480,
	},
	{
		"applies": backups == "intact", "id": "restore", "type": "task", "phase": "recovery", "priority": "high",
		"title": "Restore from the last clean backup",
		"description": "In the order of the recovery plans, into a clean network; scan what is restored before it is connected.",
		"due_in_minutes": 1440,
	},
	{
		"applies": backups != "intact", "id": "verify-backups", "type": "task", "phase": "recovery", "priority": "critical",
		"title": "Find out which backups can be trusted",
		"description": "Restore samples offline and check them; say of each process which state it can be brought back to.",
		"due_in_minutes": 480,
	},
	{
		"applies": facts.personal_data, "id": "notify-authority", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Judge whether the supervisory authority is to be notified",
		"description": "Loss of availability of personal data is a breach, too. Where there is a risk to people: within 72 hours of becoming aware (GDPR Art. 33).",
		"due_in_minutes": 4320, "due_from": "detected_at",
	},
	{
		"applies": facts.is("ransom_note"), "id": "no-contact", "type": "note", "phase": "containment", "priority": "high",
		"title": "Nobody answers the attackers without a decision of the management and legal advice",
		"description": "Paying may break sanctions law and does not bring data back by itself.",
	},
])
