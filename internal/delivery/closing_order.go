package delivery

// Ordering judges whether one delivery of a plan depends on when the apply makes the plan's other changes.
type Ordering struct {
	// Known reports whether it is known what the delivery does with some changes.
	Known func(changes ChangeSet) bool
	// Ask says what the delivery does after some changes.
	Ask func(changes ChangeSet) (DeliveryPreview, error)
}

// Deciding returns the fewest changes that, made after the delivery, let it get further than it does once the whole plan is made. Those that do
// so alone are returned together. Changes are those of the plan that may be made before the delivery, and unordered those among them that may be
// made after it just as well.
func (o Ordering) Deciding(changes ChangeSet, unordered []Closing) ([]Closing, error) {
	with, err := o.steps(changes)
	if err != nil {
		return nil, err
	}
	var found []Closing
	for _, late := range Late(unordered) {
		if len(late) > 1 && len(found) > 0 {
			break
		}
		free, err := o.steps(changes.Before(late))
		if err != nil {
			return nil, err
		}
		if HingesOn(with, free) {
			found = append(found, late...)
		}
	}
	return found, nil
}

// steps asks what the delivery does. What is refused does nothing, and of what is not known, nothing can be said.
func (o Ordering) steps(changes ChangeSet) (DeliveryPreview, error) {
	if !o.Known(changes) {
		return DeliveryPreview{}, nil
	}
	preview, err := o.Ask(changes)
	if err != nil || len(preview.Refused) > 0 {
		return DeliveryPreview{}, err
	}
	return preview, nil
}
