# Phishing: take the message away, take back what was given away, warn the others.
# Facts: credentials_entered, attachment_opened, recipients (how many), mfa_enabled, payment_made, personal_data.
package incident.playbooks.phishing

import data.incident.facts
import rego.v1

title := "Phishing response"

version := "1.0.0"

default severity := "low"

severity := "medium" if {
	facts.is("attachment_opened")
	not gave_away
}

severity := "high" if gave_away

gave_away if facts.is("credentials_entered")

gave_away if facts.is("payment_made")

default many := false

many if facts.fact("recipients") >= 10

default second_factor := false

second_factor if facts.is("mfa_enabled")

actions := facts.chosen([
	{
		"applies": true, "id": "remove-message", "type": "task", "phase": "containment", "priority": "high",
		"title": "Remove the message from every mailbox",
		"description": "Search by sender, subject, link and attachment hash; keep one copy with its headers as evidence.",
		"due_in_minutes": facts.soon,
	},
	{
		"applies": true, "id": "block", "type": "task", "phase": "containment", "priority": "high",
		"title": "Block sender, links and attachment",
		"description": "At the mail gateway, the proxy and the name servers. Report the site to its host.",
		"due_in_minutes": facts.soon,
	},
	{
		"applies": facts.is("credentials_entered"), "id": "reset-credentials", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Reset the credentials that were given away and end their sessions",
		"description": "Passwords, tokens, application passwords; remove forwarding rules and devices that were added since.",
		"due_in_minutes": 30,
	},
	{
		"applies": facts.is("credentials_entered"), "id": "review-sign-ins", "type": "task", "phase": "analysis", "priority": "high",
		"title": "Review what the accounts did since",
		"description": "Sign-ins, mail rules, downloads and grants since the message came; treat what does not fit as unauthorized access.",
		"due_in_minutes": 240,
	},
	{
		"applies": not_second_factor, "id": "second-factor", "type": "task", "phase": "eradication", "priority": "high",
		"title": "Require a second factor of the accounts concerned",
		"description": "One that cannot be passed on: a key or a passkey.",
		"due_in_minutes": 1440,
	},
	{
		"applies": facts.is("attachment_opened"), "id": "examine-devices", "type": "task", "phase": "analysis", "priority": "critical",
		"title": "Isolate and examine the devices that opened the attachment",
		"description": sprintf("Start with %s. Follow the ransomware playbook where files change.", [facts.systems_named]),
		"due_in_minutes": 60,
	},
	{
		"applies": facts.is("payment_made"), "id": "recall-payment", "type": "task", "phase": "containment", "priority": "critical",
		"title": "Recall the payment through the bank and report it to the police",
		"description": "The first hours decide whether money can be stopped.",
		"due_in_minutes": 30,
	},
	{
		"applies": many, "id": "warn", "type": "task", "phase": "containment", "priority": "medium",
		"title": "Warn everybody who may have received it",
		"description": "What it looks like, what to do who clicked, and that nobody is blamed for saying so.",
		"due_in_minutes": 120,
	},
	{
		"applies": facts.personal_data, "id": "assess-breach", "type": "task", "phase": "analysis", "priority": "high",
		"title": "Judge whether personal data was disclosed",
		"description": "A mailbox is full of it. Where there is a risk to people: notify within 72 hours of becoming aware (GDPR Art. 33).",
		"due_in_minutes": 4320, "due_from": "detected_at",
	},
])

default not_second_factor := false

not_second_factor if {
	facts.is("credentials_entered")
	not second_factor
}
