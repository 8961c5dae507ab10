"""Questions of the documents in branching: which must be asked back and which must not, and dialogues.

Knows nothing of how answers are made.
"""

from __future__ import annotations


def written(text: str) -> tuple[str, ...]:
    """Questions, one a line."""
    return tuple(line.strip() for line in text.strip().splitlines())


_BRANCHING = written(
    """
    What is the storage limit?
    How much storage does a team have?
    How many members can a team have?
    How many people can be in a team?
    How long are deleted files kept?
    Until when can I restore deleted files?
    How fast does support answer?
    When will the support team answer me?
    How long does delivery take?
    How many working days does delivery take?
    How much does delivery cost?
    What is the price of delivery?
    From what amount is delivery free?
    Who brings the parcels?
    How long can I send goods back?
    Within how many days can goods be sent back?
    How do I start the installer?
    Where does Arbor keep its data?
    In which folder is the data of Arbor?
    How do I remove Arbor?
    How much memory does Arbor need?
    When are the rooms ready?
    From what time are rooms ready?
    When do I have to leave my room?
    What does a dog cost a night?
    How much does parking cost?
    When is breakfast served?
    At what time is breakfast?
    How much water does the tank hold?
    How big is the water tank?
    How long until the machine is warm?
    How often must the filter be changed?
    When do I change the filter?
    How many watts does the machine draw?
    How much power does the machine use when it heats?
    """
)
"""Answered differently by parallel sections, and saying not which."""

_NAMED = written(
    """
    What is the storage limit of the Free plan?
    How much storage does the Business plan have?
    How many members can a team have on the Team plan?
    How many members does the free plan allow?
    How long are deleted files kept on the Business plan?
    On the Team plan, how long are deleted files kept?
    How fast does support answer on the Free plan?
    I am on the Business plan, when does support answer?
    How long does delivery to Spain take?
    How many working days does delivery take to Germany?
    How much does delivery to France cost?
    What does it cost to have a parcel brought to Spain?
    From what amount is delivery to Germany free?
    Who brings the parcels in France?
    How long can I send goods back from Spain?
    Within how many days can goods be sent back from Germany?
    How do I start the installer on Windows?
    Where does Arbor keep its data on Linux?
    Which folder does Arbor use on macOS?
    How do I remove Arbor from Windows?
    How much memory does Arbor need on Linux?
    When are the rooms ready at the Seaview Hotel?
    When do I have to leave my room at the Hillside Hotel?
    What does a dog cost at the Seaview?
    How much does parking cost at the Hillside?
    When is breakfast served in the Seaview Hotel?
    How much water does the tank of the Brewer 200 hold?
    How long until the Brewer 500 is warm?
    How often must the filter of the Brewer 200 be changed?
    How many watts does the Brewer 500 draw?
    """
)
_ALL_OF_THEM = written(
    """
    What is the storage limit of each plan?
    Which plan has the most storage?
    How do the plans differ in members?
    Compare how long deleted files are kept on the Free and the Team plan.
    Is support faster on the Business plan than on the Team plan?
    Which plan answers within one hour?
    What is the difference in delivery time between Germany and France?
    Where is delivery cheapest, in Germany, France or Spain?
    Is delivery free anywhere?
    Which carriers do you use?
    On which systems does Arbor run?
    Where does Arbor keep its data on Windows and on macOS?
    Which hotel serves breakfast earlier?
    Which of the hotels has the cheaper parking?
    What does a dog cost in both hotels?
    Which machine warms up faster?
    Which Brewer has the bigger tank?
    What kinds of plans are there?
    What is the overview of delivery prices?
    Which filters are available for all machines?
    """
)
_ELSEWHERE = written(
    """
    When are invoices sent?
    Where can I download my invoices?
    Can I pay by bank transfer?
    Do you accept cheques?
    How do I get a refund?
    How do I reset my password?
    How long is the password link good for?
    How do I close my account?
    When are my files erased after I close the account?
    What is two-step sign-in?
    Where do I switch on two-step sign-in?
    How do I change my e-mail address?
    How do I share a file?
    Can a link carry a password?
    How do I stop sharing a file?
    What do I do when goods arrive damaged?
    Who pays for replacing damaged goods?
    Where do I hand in the parcel?
    Where do I find the label for sending goods back?
    Until when can I cancel an order?
    How do I change the address of an order?
    How much does gift wrapping cost?
    When is the shop open?
    Is the shop open on public holidays?
    How do I add parents to a person?
    How do I print a tree?
    Are pictures part of the GEDCOM file?
    How do I export to GEDCOM?
    What is the shortcut to search for a person?
    How many computers does a licence cover?
    Does the licence run out?
    Until when can a booking be cancelled free of charge?
    What does the loyalty card give me?
    What is charged when I cancel a booking late?
    How do I descale the machine?
    Which water should I use?
    Does distilled water harm the machine?
    How long does the guarantee last?
    Does the guarantee cover lime?
    Where can I buy a worn seal?
    When was Lumen founded?
    Is the source of Lumen published?
    Do guests count as members?
    Do old versions count towards the storage?
    Can luggage be left before the rooms are ready?
    Can the water tank be washed by machine?
    Where is the garage?
    Do my trees stay when I remove Arbor?
    Do I get a message before the delivery?
    How often does the carrier try?
    What is the capital of Peru?
    Do you sell bicycles?
    """
)

QUESTIONS = (
    *((text, "branching", True) for text in _BRANCHING),
    *((text, "says which", False) for text in _NAMED),
    *((text, "asks of all", False) for text in _ALL_OF_THEM),
    *((text, "one answer only", False) for text in _ELSEWHERE),
)
"""Text, kind, and whether it should be asked back."""

_DIALOGUES = """
What is the storage limit of the Free plan?
and the Team plan?
= Lumen plans > Team plan > Storage

How many members does the Free plan allow?
What about the Business plan?
= Lumen plans > Business plan > Members

How long are deleted files kept on the Team plan?
and on the Free plan?
= Lumen plans > Free plan > Deleted files

How fast does support answer on the Free plan?
How about the Team plan?
= Lumen plans > Team plan > Support

How long does delivery to Germany take?
And to Spain?
= Delivery to Spain > Time

How much does delivery to France cost?
and to Germany?
= Delivery to Germany > Price

Who brings parcels to Spain?
What about to France?
= Delivery to France > Carrier

How long does delivery to Germany take?
And France?
= Delivery to France > Time

Where does Arbor keep its data on Windows?
and on Linux?
= Install Arbor > Linux > Data folder

How do I remove Arbor on macOS?
And on Windows?
= Install Arbor > Windows > Removing

How much memory does Arbor need on Linux?
on macOS?
= Install Arbor > macOS > Requirements

When are rooms ready at the Seaview Hotel?
And at the Hillside Hotel?
= Hillside Hotel > Arrival

What does a dog cost at the Hillside Hotel?
same for the Seaview Hotel?
= Seaview Hotel > Pets

When is breakfast at the Seaview Hotel?
What about the Hillside Hotel?
= Hillside Hotel > Breakfast

How big is the tank of the Brewer 200?
and the Brewer 500?
= Brewer 500 > Tank

How many watts does the Brewer 500 draw?
What about the Brewer 200?
= Brewer 200 > Power

What is the storage limit of the Free plan?
and the Team plan?
and the Business plan?
= Lumen plans > Business plan > Storage

How long does delivery to Germany take?
and to France?
and Spain?
= Delivery to Spain > Time

How long does delivery to Germany take?
How much does it cost?
= Delivery to Germany > Price

How long does delivery to Spain take?
Can I send it back?
= Delivery to Spain > Sending back

How many members does the Free plan allow?
How do I reset my password?
= Accounts > Reset your password

When are invoices sent?
What about refunds?
= Billing > Refunds

How do I cancel an order?
and how do I change the address?
= Orders > Change the address

How much does parking cost at the Hillside Hotel?
And breakfast?
= Hillside Hotel > Breakfast
"""
DIALOGUES = tuple(
    (tuple(turns.splitlines()), section)
    for turns, section in (block.split("\n= ") for block in _DIALOGUES.strip().split("\n\n"))
)
"""What a visitor asks, one turn after the other, and the section that answers the last."""
