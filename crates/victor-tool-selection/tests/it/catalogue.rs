//! Forty tools of an office, and forty requests that each need one of them.

use std::sync::Arc;

use serde_json::{Map, json};
use victor_core::ToolSpec;

/// The tools.
pub(crate) fn tools() -> Arc<[ToolSpec]> {
    let tool = |(name, description, parameters): &(&str, &str, &str)| {
        let parameters = parameters.split_whitespace();
        let properties = parameters.map(|name| (name.to_owned(), json!({ "type": "string" })));
        let schema = json!({ "type": "object", "properties": properties.collect::<Map<_, _>>() });
        ToolSpec::new(*name, *description, schema)
    };
    TOOLS.iter().map(tool).collect()
}

const TOOLS: [(&str, &str, &str); 40] = [
    (
        "calendar_create_event",
        "Adds an appointment to somebody's calendar",
        "title start end attendees",
    ),
    (
        "calendar_list_events",
        "Lists the appointments between two days",
        "from until",
    ),
    (
        "calendar_find_free_slot",
        "Finds a time at which several people have nothing to do",
        "people duration",
    ),
    (
        "calendar_cancel_event",
        "Removes an appointment and tells those who were invited",
        "event reason",
    ),
    (
        "mail_send",
        "Sends an e-mail",
        "to subject body attachments",
    ),
    (
        "mail_search",
        "Searches the messages of a mailbox by words, sender or day",
        "query folder",
    ),
    ("mail_archive", "Moves messages out of the inbox", "message"),
    (
        "mail_set_out_of_office",
        "Answers incoming mail automatically during a holiday",
        "from until text",
    ),
    (
        "chat_post_message",
        "Writes into a channel of the team chat",
        "channel text",
    ),
    (
        "chat_create_channel",
        "Opens a new channel in the team chat",
        "name members",
    ),
    ("files_read", "Returns the content of a document", "path"),
    (
        "files_write",
        "Creates a document or replaces its content",
        "path content",
    ),
    (
        "files_move",
        "Renames a document or puts it into another folder",
        "path target",
    ),
    (
        "files_share",
        "Gives people the right to see or change a document",
        "path people role",
    ),
    (
        "files_convert",
        "Converts a document to another format, such as PDF",
        "path format",
    ),
    (
        "sheet_read_cells",
        "Reads a range of cells from a spreadsheet",
        "sheet range",
    ),
    (
        "sheet_update_cells",
        "Writes values or formulas into cells of a spreadsheet",
        "sheet range values",
    ),
    (
        "sheet_make_chart",
        "Draws a bar, line or pie chart from the data of a spreadsheet",
        "sheet range kind",
    ),
    (
        "invoice_create",
        "Makes out an invoice to a customer",
        "customer items due",
    ),
    (
        "invoice_list_unpaid",
        "Lists invoices that are overdue",
        "customer",
    ),
    (
        "invoice_send_reminder",
        "Reminds a customer of an invoice that has not been paid",
        "invoice",
    ),
    (
        "expense_submit",
        "Hands in a receipt for reimbursement",
        "amount currency receipt",
    ),
    (
        "expense_approve",
        "Approves or rejects what an employee wants to be reimbursed",
        "expense decision",
    ),
    (
        "currency_convert",
        "Converts an amount of money at today's exchange rate",
        "amount from to",
    ),
    (
        "bank_list_transactions",
        "Lists the movements of a bank account",
        "account from until",
    ),
    (
        "bank_transfer",
        "Transfers money to another account",
        "iban amount purpose",
    ),
    (
        "customer_find",
        "Looks up a customer by name, number or e-mail address",
        "query",
    ),
    (
        "customer_update",
        "Changes the address or phone number of a customer",
        "customer fields",
    ),
    (
        "customer_add_note",
        "Adds a note to a customer's record",
        "customer text",
    ),
    (
        "ticket_create",
        "Opens a support ticket about a problem",
        "title description priority",
    ),
    (
        "ticket_assign",
        "Gives a support ticket to somebody to work on",
        "ticket person",
    ),
    (
        "ticket_close",
        "Closes a support ticket that is solved",
        "ticket resolution",
    ),
    (
        "flight_search",
        "Finds flights between two airports",
        "from to day passengers",
    ),
    (
        "hotel_book",
        "Books a room in a hotel",
        "city arrival departure",
    ),
    (
        "train_timetable",
        "Tells when trains run between two stations",
        "from to time",
    ),
    (
        "weather_forecast",
        "Tells the temperature and whether it rains in the next days",
        "city",
    ),
    (
        "translate_text",
        "Translates a text into another language",
        "text language",
    ),
    (
        "people_find",
        "Finds an employee, their team, room and telephone number",
        "name",
    ),
    ("leave_request", "Asks for days of holiday", "from until"),
    (
        "room_reserve",
        "Reserves a meeting room",
        "room start end seats",
    ),
];

/// Requests, each with the tool that it needs.
pub(crate) const REQUESTS: [(&str, &str); 40] = [
    (
        "Put a meeting with Jo in my calendar for Monday at nine",
        "calendar_create_event",
    ),
    (
        "Which appointments do I have between Tuesday and Friday?",
        "calendar_list_events",
    ),
    (
        "When are Ada, Grace and Linus all free for an hour?",
        "calendar_find_free_slot",
    ),
    (
        "Call off the event on Thursday and tell those invited",
        "calendar_cancel_event",
    ),
    ("Send the minutes to everybody by e-mail", "mail_send"),
    (
        "Search my mailbox for what the landlord wrote in March",
        "mail_search",
    ),
    ("Clean up my inbox: archive the newsletters", "mail_archive"),
    (
        "I am on holiday next week, answer my mail automatically",
        "mail_set_out_of_office",
    ),
    (
        "Post in the channel #release that version 2 is out",
        "chat_post_message",
    ),
    (
        "We need a new chat channel for the Lisbon project",
        "chat_create_channel",
    ),
    (
        "What is the content of the document plans/2027.md?",
        "files_read",
    ),
    ("Create a document with this summary", "files_write"),
    ("Rename draft.docx to final.docx", "files_move"),
    (
        "Let Grace change the contract document as well",
        "files_share",
    ),
    ("Turn the report into a PDF", "files_convert"),
    (
        "What stands in cells B2 to B9 of the budget?",
        "sheet_read_cells",
    ),
    (
        "Write a formula for the total into cell C10",
        "sheet_update_cells",
    ),
    (
        "Draw me a pie of the costs by department",
        "sheet_make_chart",
    ),
    (
        "Make an invoice for Miller & Sons: three days of consulting",
        "invoice_create",
    ),
    ("Which invoices are overdue?", "invoice_list_unpaid"),
    (
        "Miller has still not paid, remind them",
        "invoice_send_reminder",
    ),
    (
        "Here is the receipt for the taxi, I want to be reimbursed",
        "expense_submit",
    ),
    ("Approve the expense of my employee", "expense_approve"),
    (
        "How much are 250 USD in EUR? Use the current exchange rate",
        "currency_convert",
    ),
    (
        "Show the movements of our account since May",
        "bank_list_transactions",
    ),
    ("Transfer 90 euros to the caretaker", "bank_transfer"),
    ("Look up the customer with the number 4711", "customer_find"),
    (
        "Customer Miller has moved, change the address",
        "customer_update",
    ),
    (
        "Note in the customer's record that they prefer phone calls",
        "customer_add_note",
    ),
    (
        "The printer is a problem again: open a ticket with high priority",
        "ticket_create",
    ),
    ("Let Linus work on ticket 88", "ticket_assign"),
    ("Ticket 91 is solved, close it", "ticket_close"),
    (
        "Are there flights from Oslo to Rome on Friday?",
        "flight_search",
    ),
    ("I need a hotel room in Rome for two nights", "hotel_book"),
    (
        "When does the next train to Bergen leave?",
        "train_timetable",
    ),
    ("Will it rain in Rome at the weekend?", "weather_forecast"),
    (
        "Say this in Norwegian: where does the text in this language come from?",
        "translate_text",
    ),
    (
        "What is the telephone number of Ada from the legal team?",
        "people_find",
    ),
    (
        "I would like to take the last week of July off as holiday",
        "leave_request",
    ),
    (
        "Reserve the large meeting room for twelve people",
        "room_reserve",
    ),
];
